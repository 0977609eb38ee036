/** How often workers send a heartbeat: the more nodes there are, the less often, so that a manager hears no more than 500 of them in a second. Pure. */

const MS_PER_NODE = 2;
const LONGEST_MS = 30_000;

/** Milliseconds between a worker's heartbeats: nodes / 500 s, at least `leastMs` and at most 30 s. Source: Nomad's and Swarm's rates. */
export function heartbeatFor(nodes: number, leastMs: number): number {
  return Math.max(leastMs, Math.min(LONGEST_MS, nodes * MS_PER_NODE));
}
