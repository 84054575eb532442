/**
 * How the load balancer looks at masters: it asks the responder of each, over HTTP, since it tells no secret and a network load balancer
 * checks no certificate; and what follows for how long a master that stops goes on serving.
 */

/** Seconds, and answers in a row. The shortest interval that AWS takes is 5. */
export const healthTimes = { interval: 5, timeout: 3, healthyThreshold: 2, unhealthyThreshold: 2 } as const;

/** From its judgement until no new connection follows the old one: draining targets were seen to get some for 10 s (kubernetes-sigs/cluster-api-provider-aws#6254). */
const actSeconds = 15;

const { healthyThreshold, interval, timeout, unhealthyThreshold } = healthTimes;

export const drainSeconds = unhealthyThreshold * (interval + timeout) + actSeconds;
export const returnSeconds = healthyThreshold * (interval + timeout) + actSeconds;
