/** How a simulated container engine misbehaves. */
import type { Operation } from "./faults.ts";

/** What is wrong with the engine just now. */
export interface EngineTrouble {
  down: boolean;
  hung: boolean;
  /** Requests of that kind alone are not answered; null for none. */
  stuck: Operation | null;
  zombies: boolean;
  badEvents: boolean;
  unwell: boolean;
  /** No space left on its disk. */
  full: boolean;
  registry: "works" | "hangs" | "limited" | "slow";
  /** How old what it shows may be. */
  lagMs: number;
}

/** A sound engine. */
export const NO_TROUBLE: Readonly<EngineTrouble> = {
  down: false,
  hung: false,
  stuck: null,
  zombies: false,
  badEvents: false,
  unwell: false,
  full: false,
  registry: "works",
  lagMs: 0,
};
