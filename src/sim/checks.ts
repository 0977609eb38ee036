/** All checkers of invariants, in the order of their numbers. What belongs to features that are not there yet stands in not-yet.ts. */
import type { Checker } from "./checker.ts";
import { foreignersUntouched, oneContainerPerIncarnation, oneIncarnationPerNode } from "./checks/containers.ts";

export const CHECKERS: readonly Checker[] = [oneContainerPerIncarnation, oneIncarnationPerNode, foreignersUntouched];
