/**
 * What the outcome of an operation means for its task. An unknown outcome is never taken for success or failure: the instance is looked at again.
 * An outcome that nobody waits for any more is dropped.
 */
import { unreachable } from "../core/assert.ts";
import type { Failure } from "../core/failure.ts";
import { isTerminal } from "../core/task.ts";
import { conclude, finish } from "./conclude.ts";
import type { Incarnation, Instance, WorkerEvent } from "./effects.ts";
import { specHash } from "./spec-hash.ts";
import { amend, isEnding, type KnownInstance, type OperationKind, type TaskRun } from "./task-run.ts";
import { nameOf, retryLater, type Turn } from "./turn.ts";

/** The events that answer an operation. */
export type Outcome = Extract<
  WorkerEvent,
  { readonly kind: "pulled" | "created" | "started" | "stopped" | "removed" | "inspected" }
>;

const ANSWERS: Readonly<Record<Outcome["kind"], OperationKind>> = {
  pulled: "pull",
  created: "create",
  started: "start",
  stopped: "stop",
  removed: "remove",
  inspected: "inspect",
};

const IMAGE_TRIES = 3;

/** Takes the answer in. Returns false when it answers nothing that is in flight. */
export function takeOutcome(run: TaskRun, event: Outcome, turn: Turn): boolean {
  const kind = ANSWERS[event.kind];
  const { op } = run;
  if (op === null || op.kind !== kind || op.of.incarnation !== event.of.incarnation) return false;
  run.op = null;
  turn.touch(run);
  const failure = event.result.ok ? null : event.result.failure;
  if (failure === null) succeeded(run, event, turn);
  else failed(run, kind, event.of, failure, turn);
  if (op.doubt) doubt(run, op.of.incarnation);
  return true;
}

function succeeded(run: TaskRun, event: Outcome, turn: Turn): void {
  // A confirmed stop has worked only when an inspection agrees.
  if (event.kind !== "stopped") run.retries.delete(ANSWERS[event.kind]);
  if (!event.result.ok) return;
  switch (event.kind) {
    case "pulled":
      run.pulled = true;
      return;
    case "created":
      see(run, blank(run, event.of, event.result.value.instanceId));
      return;
    case "started":
      see(run, event.result.value);
      return;
    case "stopped":
      run.stopTries += 1;
      doubt(run, event.of.incarnation);
      return;
    case "removed":
      run.instances.delete(event.of.incarnation);
      return;
    case "inspected":
      inspected(run, event.result.value, turn);
      return;
    default:
      unreachable(event);
  }
}

function failed(run: TaskRun, kind: OperationKind, of: Incarnation, failure: Failure, turn: Turn): void {
  switch (kind) {
    case "pull":
      pullFailed(run, failure, turn);
      return;
    case "create":
      createFailed(run, failure, turn);
      return;
    case "start":
      startFailed(run, of, failure, turn);
      return;
    case "stop":
      if (failure.kind === "not_found") run.instances.delete(of.incarnation);
      else retryLater(run, "stop", turn, `cannot be stopped: ${failure.message}`);
      return;
    case "remove":
      if (failure.kind === "not_found") run.instances.delete(of.incarnation);
      else retryLater(run, "remove", turn, removalText(run, failure));
      // It may live after all: what was seen of it was old.
      if (failure.kind === "conflict") doubt(run, of.incarnation);
      return;
    case "inspect":
      if (failure.kind === "not_found") run.instances.delete(of.incarnation);
      else retryLater(run, "inspect", turn, isSettled(run) ? run.fact.message : away(failure));
      return;
    default:
      unreachable(kind);
  }
}

function pullFailed(run: TaskRun, failure: Failure, turn: Turn): void {
  if (failure.kind === "aborted") {
    retryLater(run, "pull", turn, "the pull was stopped");
    return;
  }
  if (failure.kind === "unavailable") {
    retryLater(run, "pull", turn, away(failure));
    return;
  }
  if (failure.kind === "image_not_found") {
    imageMissing(run, failure, turn);
    return;
  }
  if (isRefusal(failure)) {
    reject(run, failure, turn);
    return;
  }
  startDidNotHappen(run, failure, turn);
}

function createFailed(run: TaskRun, failure: Failure, turn: Turn): void {
  if (failure.kind === "unavailable") {
    retryLater(run, "create", turn, away(failure));
    return;
  }
  if (failure.kind === "image_not_found") {
    run.pulled = false;
    imageMissing(run, failure, turn);
    return;
  }
  if (isRefusal(failure)) {
    reject(run, failure, turn);
    return;
  }
  // It may have been created all the same: what is there is listed before the next incarnation is.
  run.needsList = true;
  startDidNotHappen(run, failure, turn);
}

function startFailed(run: TaskRun, of: Incarnation, failure: Failure, turn: Turn): void {
  // It may run all the same, or have run and ended: an inspection tells.
  doubt(run, of.incarnation);
  if (failure.kind === "not_found") run.instances.delete(of.incarnation);
  else if (failure.kind === "unavailable") retryLater(run, "start", turn, away(failure));
  else run.startFailure = failure;
}

function inspected(run: TaskRun, instance: Instance, turn: Turn): void {
  see(run, instance);
  if (run.instances.get(instance.incarnation)?.doubt) {
    retryLater(run, "inspect", turn, run.fact.message);
    return;
  }
  if (instance.status === "running") {
    run.startFailure = null;
    // The runtime said that it was dead and it lives: tried again, and never called stopped.
    if (run.stopTries > 0 && (isEnding(run) || run.endIsPlanned)) {
      retryLater(run, "stop", turn, `does not die, stopped ${run.stopTries} times so far`);
      turn.log("warn", `${nameOf(run)}: does not die, stopped ${run.stopTries} times so far`);
    }
  } else {
    run.stopTries = 0;
    run.retries.delete("stop");
  }
  if (run.startFailure !== null && instance.status === "created" && isRefusal(run.startFailure) && !isEnding(run)) {
    reject(run, run.startFailure, turn);
  }
}

/** What an earlier incarnation left behind is no trouble of one that runs, nor of a task that has ended and is kept: their message stays. */
function removalText(run: TaskRun, failure: Failure): string {
  return isSettled(run) ? run.fact.message : `cannot be removed: ${failure.message}`;
}

/** Whether a call that fails says nothing of the task: it runs, or has ended and is kept. */
function isSettled(run: TaskRun): boolean {
  return run.fact.state === "running" || (isTerminal(run.fact.state) && run.desired !== "remove");
}

function imageMissing(run: TaskRun, failure: Failure, turn: Turn): void {
  run.imageTries += 1;
  if (run.imageTries >= IMAGE_TRIES) {
    reject(run, failure, turn);
    return;
  }
  retryLater(run, "pull", turn, `${failure.message} (try ${run.imageTries} of ${IMAGE_TRIES})`);
}

function startDidNotHappen(run: TaskRun, failure: Failure, turn: Turn): void {
  // While it is being stopped nothing needs an explanation: the end is decided already.
  if (isEnding(run)) return;
  conclude(run, { code: null, oomKilled: false, reason: `it did not start: ${failure.message}` }, turn);
}

function reject(run: TaskRun, failure: Failure, turn: Turn): void {
  if (!isTerminal(run.fact.state)) finish(run, "rejected", failure.message, turn);
}

function isRefusal(failure: Failure): boolean {
  return failure.kind === "invalid" || failure.kind === "denied";
}

function away(failure: Failure): string {
  return `waits: ${failure.message}`;
}

/** Takes a sight of an instance in as certain, unless it is older than what is known: nothing takes a container back to before its start. */
export function see(run: TaskRun, instance: Instance): void {
  const known = run.instances.get(instance.incarnation);
  const isOld =
    instance.status === "created" && known?.instanceId === instance.instanceId && known.status !== "created";
  run.instances.set(instance.incarnation, isOld ? { ...known, doubt: true } : { ...instance, doubt: false });
  if (instance.incarnation !== run.fact.incarnation) return;
  if (run.fact.containerId !== instance.instanceId) amend(run, { containerId: instance.instanceId });
}

/** Has an instance inspected before anything else is done with it, and after what is under way. */
export function doubt(run: TaskRun, incarnation: number): void {
  if (run.op?.of.incarnation === incarnation) run.op = { ...run.op, doubt: true };
  const known = run.instances.get(incarnation);
  if (known !== undefined) run.instances.set(incarnation, { ...known, doubt: true });
}

function blank(run: TaskRun, of: Incarnation, instanceId: string): KnownInstance {
  return {
    ...of,
    instanceId,
    runtime: run.assignment?.spec.runtime ?? "docker",
    status: "created",
    specHash: run.assignment === null ? "" : specHash(run.assignment.spec),
    exitCode: null,
    oomKilled: false,
    error: "",
    ports: [],
    address: "",
    startedMs: 0,
    finishedMs: 0,
    doubt: false,
  };
}
