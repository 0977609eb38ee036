/** How a fault that lasts goes on and ends. Faults may overlap: what two of them hold is let go when both have ended. */
import type { Fault } from "./faults.ts";

/** The course of a fault that lasts. */
export interface Course {
  /** Plans its end: after a while, or when all are ended. */
  readonly ends: (fault: Fault | null, ms: number, end: () => void) => void;
  /** Plans what it goes on with, unless all are ended by then. */
  readonly later: (ms: number, goOn: () => void) => void;
}
