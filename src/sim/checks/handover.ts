/**
 * What a task that its worker ends by itself without a manager is judged by: the timing of S6. In the time of the world, whatever the clocks of manager and worker
 * show, and only where the plan leaves its worker and its engine free to end anything.
 */
import type { Fault } from "../faults.ts";
import { MANAGER, type Simulation } from "../simulation.ts";
import type { Container } from "../trace.ts";

/** Faults in which a node's worker can do all that it has to, whoever hears of it. */
const HARMLESS: ReadonlySet<Fault["kind"]> = new Set([
  "cut",
  "swizzle",
  "flap",
  "wall-step",
  "unwell",
  "hand",
  "foreign",
]);
/** How a node may be gone for good and whole in itself: a link in one direction alone does not last. */
const CUT_OFF: ReadonlySet<string> = new Set(["cut", "mute", "deaf"]);
/** What a network, an engine and the rates of clocks may take beyond what the job says, ms. */
const SLACK_MS = 60_000;

/**
 * Whether that container must have ended before another one is started in its slot, as its worker was free to end it all the time that it was alone.
 * `workerSinceMs`: when its worker began; it counts from there.
 */
export function mustHaveEnded(
  sim: Simulation,
  { node, taskId, spec, startedMs }: Container,
  { atMs, workerSinceMs }: { readonly atMs: number; readonly workerSinceMs: number },
): boolean {
  const { stopAfterMs } = spec.disconnect;
  if (stopAfterMs === null || !sim.nodes.has(node)) return false;
  // What was asked of it went with a journal, and nobody has said it again.
  if (sim.nodes.get(node)?.worker.machine?.runs.get(taskId)?.assignment === null) return false;
  const fromMs = atMs - stopAfterMs - spec.stopGraceMs - SLACK_MS;
  return Math.max(startedMs, workerSinceMs) <= fromMs && !wasHindered(sim, node, { fromMs, toMs: atMs });
}

function wasHindered(sim: Simulation, node: string, time: { readonly fromMs: number; readonly toMs: number }): boolean {
  const isThere = (who: string): boolean =>
    who === node || (who === MANAGER && sim.nodes.get(node)?.plan.local === true);
  return sim.plan.faults.some((fault) => {
    if (HARMLESS.has(fault.kind) || (fault.kind === "gone" && CUT_OFF.has(fault.how))) return false;
    // Who obeys the other of two managers is not alone, and the first cannot know.
    const strikes = fault.kind === "second-manager" || whereOf(fault).some(isThere);
    return fault.atMs <= time.toMs && endOf(fault) >= time.fromMs && strikes;
  });
}

/** Machines and processes that it strikes. */
function whereOf(fault: Fault): string[] {
  const { node, who, machine } = fault as Partial<Record<"node" | "who" | "machine", string>>;
  return [node, who, machine].filter((name) => name !== undefined);
}

/** When it is over at the latest, in ms of the run. */
function endOf(fault: Fault): number {
  if (fault.kind === "gone") return Number.POSITIVE_INFINITY;
  const { forMs = 0, downMs = 0, thenMs = 0 } = fault as Partial<Record<"forMs" | "downMs" | "thenMs", number>>;
  // What crashes twice is down twice.
  return fault.atMs + forMs + 2 * downMs + thenMs;
}
