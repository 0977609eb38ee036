/**
 * The one place that decides what a task needs next, from how things are and not from what just happened.
 * Pure: it looks and answers; `drive.ts` does what it says.
 */
import { isBatch } from "../core/spec.ts";
import { isTerminal, type TaskState } from "../core/task.ts";
import { currentInstance, isEnding, type KnownInstance, type OperationKind, type TaskRun } from "./task-run.ts";

/** What to do. `rise` and `exit` change only what is known, so the question is asked again after them. */
export type Step =
  | { readonly kind: "wait" }
  | { readonly kind: "list" }
  | { readonly kind: "pull" }
  | { readonly kind: "create" }
  | { readonly kind: "start"; readonly instance: KnownInstance }
  | { readonly kind: "stop"; readonly instance: KnownInstance }
  | { readonly kind: "remove"; readonly instance: KnownInstance }
  | { readonly kind: "inspect"; readonly instance: KnownInstance }
  | { readonly kind: "rise"; readonly state: TaskState }
  /** The present incarnation is over; `instance` is null when it is gone. */
  | { readonly kind: "exit"; readonly instance: KnownInstance | null }
  | { readonly kind: "restart" }
  /** It runs and is known to run, but nobody watches it yet: adopted after a start of the worker. */
  | { readonly kind: "watch" }
  | { readonly kind: "forget" };

/** Dead instances kept for their output. */
const KEPT_DEAD = 2;

const WAIT: Step = { kind: "wait" };

/** What a decision needs to know beside the task. */
interface Now {
  readonly monoMs: number;
  /** What is known of the task is on disk. */
  readonly durable: boolean;
  /** Its runtime has said once what there is. */
  readonly listed: boolean;
  /** A container of it may be made; one that is there already is started in any case. */
  readonly mayMake: boolean;
}

/** Decides. */
export function nextStep(run: TaskRun, now: Now): Step {
  if (run.op !== null || run.desired === "hold" || !now.listed) return WAIT;
  if (run.needsList) return { kind: "list" };
  if (isToShowStopping(run)) return { kind: "rise", state: "stopping" };
  const instances = [...run.instances.values()];
  if (instances.length > 1) instances.sort((a, b) => a.incarnation - b.incarnation);
  const doubted = instances.find((one) => one.doubt);
  if (doubted !== undefined) return unlessBackingOff(run, now.monoMs, { kind: "inspect", instance: doubted });
  const step = isEnding(run) ? endStep(run, instances) : runStep(run, instances, now);
  return unlessBackingOff(run, now.monoMs, step);
}

/** The earliest moment at which waiting may be over without anything happening; null when there is none. */
export function wakeMs(run: TaskRun): number | null {
  let firstMs = run.restartAtMs;
  for (const { atMs } of run.retries.values()) if (firstMs === null || atMs < firstMs) firstMs = atMs;
  return firstMs;
}

/** Shown before the engine is asked, so that a stop is seen also while the engine is away. */
function isToShowStopping(run: TaskRun): boolean {
  if (!isEnding(run) || isTerminal(run.fact.state) || run.fact.state === "stopping") return false;
  return [...run.instances.values()].some((one) => one.status === "running");
}

function endStep(run: TaskRun, instances: readonly KnownInstance[]): Step {
  const running = instances.find((one) => one.status === "running");
  if (running !== undefined) return { kind: "stop", instance: running };
  // A created instance holds a name and a claim to life, and has no output worth keeping.
  const created = instances.find((one) => one.status === "created");
  if (created !== undefined) return { kind: "remove", instance: created };
  if (!isTerminal(run.fact.state)) return { kind: "rise", state: "stopped" };
  if (run.desired !== "remove") return retentionStep(instances, KEPT_DEAD);
  const oldest = instances[0];
  return oldest === undefined ? { kind: "forget" } : { kind: "remove", instance: oldest };
}

function runStep(run: TaskRun, instances: readonly KnownInstance[], now: Now): Step {
  const other = instances.find((one) => one.incarnation !== run.fact.incarnation && one.status === "running");
  // Never two live incarnations: whatever else is wanted, a predecessor dies first.
  if (other !== undefined) return { kind: "stop", instance: other };
  const current = currentInstance(run);
  if (current === null) return absentStep(run, instances, now);
  if (current.status === "created") return createdStep(run, current, now.durable);
  if (current.status === "exited") return { kind: "exit", instance: current };
  return runningStep(run, current, instances);
}

function absentStep(run: TaskRun, instances: readonly KnownInstance[], now: Now): Step {
  const { state } = run.fact;
  if (state !== "accepted" && state !== "pulling") return { kind: "exit", instance: null };
  if (run.restartAtMs !== null && run.restartAtMs > now.monoMs) return WAIT;
  const leftover = instances.find((one) => one.status === "created");
  if (leftover !== undefined) return { kind: "remove", instance: leftover };
  if (!now.mayMake) return WAIT;
  if (!run.pulled) return { kind: "pull" };
  return now.durable ? { kind: "create" } : WAIT;
}

function createdStep(run: TaskRun, current: KnownInstance, durable: boolean): Step {
  // It ran before and is new now: somebody made it anew behind our back, which ends the incarnation.
  if (run.fact.state === "running" || run.fact.state === "stopping") return { kind: "exit", instance: current };
  // Only what cannot be removed because it lives has started after all: what an engine shows may be older than that.
  if (run.startFailure !== null) return { kind: "remove", instance: current };
  if (run.desired === "run") {
    if (!runsOnce(run)) return { kind: "start", instance: current };
    // That it is started is on disk before it is: were its container gone after a crash of the worker, nobody could tell whether it had run.
    if (run.fact.state !== "starting") return { kind: "rise", state: "starting" };
    return durable ? { kind: "start", instance: current } : WAIT;
  }
  return run.fact.state === "ready" || run.fact.state === "starting" ? WAIT : { kind: "rise", state: "ready" };
}

function runsOnce(run: TaskRun): boolean {
  return run.assignment !== null && isBatch(run.assignment.spec);
}

function runningStep(run: TaskRun, current: KnownInstance, instances: readonly KnownInstance[]): Step {
  if (run.fact.state !== "running") return { kind: "rise", state: "running" };
  if (!run.probes.begun) return { kind: "watch" };
  if (run.endIsPlanned) return { kind: "stop", instance: current };
  if ((run.assignment?.restartSerial ?? 0) > run.answeredSerial) return { kind: "restart" };
  return retentionStep(
    instances.filter((one) => one !== current),
    KEPT_DEAD,
  );
}

function retentionStep(dead: readonly KnownInstance[], keep: number): Step {
  const oldest = dead.length > keep ? dead[0] : undefined;
  return oldest === undefined ? WAIT : { kind: "remove", instance: oldest };
}

function unlessBackingOff(run: TaskRun, monoMs: number, step: Step): Step {
  const retry = run.retries.get(step.kind as OperationKind);
  return retry !== undefined && retry.atMs > monoMs ? WAIT : step;
}
