/** How a fault that lasts goes on and ends. Faults may overlap: what two of them hold is let go when both have ended. */
import type { Fault } from "./faults.ts";

/** The course of a fault that lasts. */
export interface Course {
  /** Plans its end: after a while, or when all are ended. */
  readonly ends: (fault: Fault | null, ms: number, end: () => void) => void;
  /** Takes hold of something, such as an engine's answers; gives how to let it go, which is true for the last of those that overlap. */
  readonly holds: (what: string) => () => boolean;
  /** Plans what it goes on with, unless all are ended by then. */
  readonly later: (ms: number, goOn: () => void) => void;
}
