/** What the scale model says of a node, for the nodes of one pool. */
import type { PoolConfig } from "../../config/pool";
import { nodeWith, type Scale } from "../../config/scale";

export function poolScale(scale: Scale, { maxPods = scale.node.maxPods, proxyMode }: PoolConfig): Scale {
  return nodeWith(scale, { maxPods, proxyMode });
}
