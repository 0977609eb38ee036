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
  /** How probes fail while it is unwell: all of them, every other one, or by their time. */
  unwellHow: "fails" | "flaps" | "slow";
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
  unwellHow: "fails",
  full: false,
  registry: "works",
  lagMs: 0,
};

/** How long a slow probe takes, in ms: longer than anybody waits for one. */
const SLOW_PROBE_MS = 40_000;

/** How the nth probe of an engine's containers goes, and how late it is answered; a slow one is well after everybody has given it up. Pure. */
export function probed(
  { unwell, unwellHow }: EngineTrouble,
  nth: number,
): { readonly isWell: boolean; readonly lateMs: number } {
  if (!unwell || (unwellHow === "flaps" && nth % 2 === 0)) return { isWell: true, lateMs: 0 };
  return unwellHow === "slow" ? { isWell: true, lateMs: SLOW_PROBE_MS } : { isWell: false, lateMs: 0 };
}
