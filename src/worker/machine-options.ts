/** How one worker's machine differs from another's. */
import type { NodeFacts } from "../core/node.ts";

/** Fixed for the life of the machine; only the facts may be followed by newer ones. */
export interface WorkerMachineOptions {
  /** Who and what this node is; its runtimes are those that tasks may ask for. */
  readonly facts: NodeFacts;
  /** Creates and starts in flight at a time; about four times the cores. */
  readonly startsAtATime: number;
  /** Probes in flight at a time; 16 when left out. */
  readonly probesAtATime?: number;
  /** Of the jitter: 32 bits, different on each node. */
  readonly seed: number;
}
