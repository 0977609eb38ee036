/** How a simulated container engine misbehaves. */

/** What is wrong with the engine just now. */
export interface EngineTrouble {
  down: boolean;
  hung: boolean;
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
  zombies: false,
  badEvents: false,
  unwell: false,
  full: false,
  registry: "works",
  lagMs: 0,
};
