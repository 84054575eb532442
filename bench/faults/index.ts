/** The faults, in the order in which they are tried: the last ones want the most of the cluster that they leave behind. */
import { clockAhead } from "./clock";
import { bitFlippedAtRest, bitFlippedLive, oldImage, removedMember, volumesSwapped } from "./data";
import { databaseFull, diskHangs, slowDisk, walFull } from "./disks";
import type { Fault } from "./fault";
import { apiServerFrozen, leaderFrozen } from "./frozen";
import { memberCutOff, zoneCutOff } from "./network";
import { allHostsLost, twoZonesLost, zoneLost } from "./power";

export const faults: readonly Fault[] = [
  leaderFrozen,
  apiServerFrozen,
  memberCutOff,
  zoneCutOff,
  zoneLost,
  twoZonesLost,
  allHostsLost,
  slowDisk,
  diskHangs,
  clockAhead,
  walFull,
  databaseFull,
  volumesSwapped,
  bitFlippedAtRest,
  removedMember,
  oldImage,
  bitFlippedLive,
];
