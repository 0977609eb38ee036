/** What the people of a run do: they submit, stop, start, restart and remove, all day long and now and then all at once. */
import type { Field } from "./draw-faults.ts";
import { type Behaviour, type Step, ZONES } from "./faults.ts";
import type { Dice, Streams } from "./random.ts";

type Submit = Extract<Step, { readonly kind: "submit" }>;

/** Length of a storm of commands. */
const STORM_MS = 1_000;

/** What people do during a run, in order. */
export function drawSteps(streams: Streams, { names, durationMs }: Field): Step[] {
  const [dice, late] = [streams.of("steps"), streams.of("late/steps")];
  const storms = [dice.between(0, durationMs - STORM_MS), dice.between(0, durationMs - STORM_MS)];
  const jobs = Array.from({ length: dice.between(3, 12) }, (_, i) => `job${i + 1}`);
  const steps = Array.from({ length: dice.between(110, 160) }, (): Step => {
    const atMs = dice.chance(0.2) ? dice.pick(storms) + dice.between(0, STORM_MS) : dice.between(0, durationMs);
    const name = dice.pick(jobs);
    const choice = dice.draw();
    if (choice < 0.45) return varied(late, drawSubmit(dice, { atMs, name }));
    if (choice < 0.6) return { atMs, kind: "stop", name };
    if (choice < 0.72) return { atMs, kind: "start", name };
    if (choice < 0.82) return { atMs, kind: "restart", name };
    if (choice < 0.92) return { atMs, kind: "remove", name };
    if (choice < 0.95) return { atMs, kind: "cordon", node: dice.pick(names) };
    return { atMs, kind: "uncordon", node: dice.pick(names) };
  });
  return steps.toSorted((one, other) => one.atMs - other.atMs);
}

function drawSubmit(dice: Dice, at: { readonly atMs: number; readonly name: string }): Submit {
  const batch = dice.chance(0.25);
  return {
    ...at,
    kind: "submit",
    count: dice.pick([1, 1, 2, 3, 6]),
    batch,
    cpuMillis: dice.pick([0, 0, 100, 300, 5_000]),
    hostPort: dice.chance(0.1) ? 8_080 : 0,
    replace: dice.chance(0.8),
    ...(dice.chance(0.15) ? { zone: dice.pick(ZONES) } : {}),
    ...(dice.chance(0.1) ? { stopAfterMs: dice.pick([30_000, 120_000]) } : {}),
    health: dice.chance(0.3),
    volume: dice.chance(0.1),
    times: dice.pick([1, 1, 1, 2, 3]),
    behaviour: drawBehaviour(dice, batch),
  };
}

/** What came later: nothing at all to run, an image that nobody can run, and other policies of restarts. */
function varied(dice: Dice, step: Submit): Submit {
  const { behaviour, batch } = step;
  const [isEmpty, isRefused, isOwn] = [dice.chance(0.04), dice.chance(0.03), dice.chance(0.25)];
  const restart = { onFailure: dice.chance(0.5), attempts: dice.pick([0, 1, 3, 100]) };
  // A service that has ended well and is not to be restarted is nobody's goal.
  const ends = behaviour.lifeMs > 0 && behaviour.exitCode === 0;
  return {
    ...step,
    ...(isEmpty ? { count: 0 } : {}),
    ...(isOwn && !batch ? { restart: { ...restart, onFailure: restart.onFailure && !ends } } : {}),
    ...(isRefused ? { behaviour: { ...behaviour, image: "refused" } } : {}),
  };
}

function drawBehaviour(dice: Dice, batch: boolean): Behaviour {
  return {
    lifeMs: batch ? dice.pick([500, 5_000, 60_000]) : dice.pick([0, 0, 0, 0, 2_000, 60_000]),
    exitCode: dice.pick([0, 0, 1, 137]),
    stopMs: dice.pick([10, 500, 9_000, 30_000]),
    pullMs: dice.pick([10, 1_000, 20_000]),
    image: dice.chance(0.05) ? "missing" : "there",
  };
}
