/**
 * Images on a node before a pod asks for them, in layers: the base at boot, the environment by a timer; what else pods run is pulled when they
 * come. (Layers: the article, section 9.)
 */
import type { PoolConfig } from "../../config/pool";
import { hostFiles, hostServices, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { alwaysOn } from "./always-on";

const lists = { base: "/etc/kubernetes/preload-base", environment: "/etc/kubernetes/preload-environment" } as const;
const units = "/usr/local/lib/systemd/system";

export function preload({ preload: wanted, runtime }: PoolConfig): Pick<Machine, "files" | "services"> {
  const { base, environment, everyMinutes } = wanted;
  if (base.length + environment.length === 0) return { files: {}, services: {} };
  return {
    files: {
      ...hostFiles("/usr/local/lib/kilonode/preload-images"),
      ...(base.length > 0 && {
        ...hostServices("preload-base.service"),
        ...(runtime === "containerd" && { [`${units}/preload-base.service.d/pin.conf`]: textFile(pinned) }),
        [lists.base]: textFile(lines`${base}`),
      }),
      ...(environment.length > 0 && {
        ...hostServices("preload-environment.service"),
        ...hostFiles(`${units}/preload-environment.timer`),
        [`${units}/preload-environment.timer.d/interval.conf`]: textFile(interval(everyMinutes)),
        [lists.environment]: textFile(lines`${environment}`),
      }),
    },
    services: {
      // Not waited for: a registry that does not answer keeps nothing else from being live.
      ...(base.length > 0 && { "preload-base.service": { ...alwaysOn([lists.base]), wait: false } }),
      ...(environment.length > 0 && { "preload-environment.timer": alwaysOn([lists.environment]) }),
    },
  };
}

/** Docker has no images that a kubelet's collection spares. */
const pinned = `[Service]
ExecStart=
ExecStart=/usr/local/lib/kilonode/preload-images --pin ${lists.base}`;

/** Spread over a quarter of the time, so that not all nodes ask at once. */
function interval(everyMinutes: number): string {
  return lines`[Timer]
OnUnitInactiveSec=${everyMinutes}min
RandomizedDelaySec=${Math.ceil(everyMinutes / 4)}min`;
}
