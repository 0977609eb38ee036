/** Does what `next-step.ts` says, for one task at a time, until it has to wait for something. */
import { assert, unreachable } from "../core/assert.ts";
import { isTerminal, type TaskState } from "../core/task.ts";
import { conclude, endOf, finish } from "./conclude.ts";
import type { CreateRequest, WorkerEffect } from "./effects.ts";
import { beginHealth } from "./health.ts";
import { nextStep, type Step } from "./next-step.ts";
import type { Permits } from "./permits.ts";
import { specHash } from "./spec-hash.ts";
import {
  amend,
  currentInstance,
  identity,
  isEnding,
  type KnownInstance,
  mark,
  type OperationKind,
  recordExit,
  resetProbes,
  rise,
  type TaskRun,
} from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

/** What driving needs beside the turn. */
export interface Desk extends Turn {
  readonly starts: Permits;
  readonly pulls: Permits;
  isDurable(run: TaskRun): boolean;
  isListed(run: TaskRun): boolean;
  mayMake(run: TaskRun): boolean;
  wantList(run: TaskRun): void;
  forget(run: TaskRun): void;
}

const DEFAULT_GRACE_MS = 10_000;

/** More steps without waiting than any task can need: a loop that does not end is a programmer's error. */
const MAX_STEPS = 50;

/** Takes one task as far as it goes now. */
export function drive(run: TaskRun, desk: Desk): void {
  for (let steps = 0; ; steps++) {
    assert(steps < MAX_STEPS, `task ${run.taskId} does not come to rest`);
    const step = nextStep(run, {
      monoMs: desk.time.monoMs,
      durable: desk.isDurable(run),
      listed: desk.isListed(run),
      mayMake: desk.mayMake(run),
    });
    releasePermits(run, step, desk);
    if (!perform(run, step, desk)) return;
  }
}

/** Returns true when the next step can be asked for at once. */
function perform(run: TaskRun, step: Step, desk: Desk): boolean {
  switch (step.kind) {
    case "wait":
      abortUnwantedPull(run, desk);
      return false;
    case "list":
      desk.wantList(run);
      return false;
    case "pull":
      return pull(run, desk);
    case "create":
      return create(run, desk);
    case "start":
      return start(run, step.instance, desk);
    case "stop":
      return stop(run, step.instance, desk);
    case "remove":
    case "inspect":
      return operate(run, step.kind, step.instance, desk);
    case "rise":
      riseTo(run, step.state, desk);
      return true;
    case "exit":
      conclude(run, endOf(run, step.instance), desk);
      return true;
    case "restart":
      run.endIsPlanned = true;
      amend(run, { message: "restarting on command" });
      return true;
    case "watch":
      watch(run, desk);
      return true;
    case "forget":
      desk.forget(run);
      return false;
    default:
      return unreachable(step);
  }
}

function releasePermits(run: TaskRun, step: Step, desk: Desk): void {
  const busy = run.op?.kind;
  if (step.kind !== "create" && step.kind !== "start" && busy !== "create" && busy !== "start")
    desk.starts.drop(run.taskId);
  if (step.kind !== "pull" && busy !== "pull") desk.pulls.drop(run.taskId);
}

function pull(run: TaskRun, desk: Desk): boolean {
  // It may have been in line, and nobody who is served is to be called up again.
  if (!mayHaveToWait(run)) desk.pulls.drop(run.taskId);
  else if (!desk.pulls.take(run.taskId)) {
    amend(run, { message: IN_LINE });
    return false;
  }
  if (run.fact.message === IN_LINE) amend(run, { message: "" });
  if (run.fact.state === "accepted") rise(run, "pulling", run.fact.restarts === 0 ? {} : { message: "" });
  run.restartAtMs = null;
  begin(run, "pull", { kind: "pull", request: createRequest(run) }, desk);
  return false;
}

const IN_LINE = "waits for other images to be pulled";

/** A container that is here, if only a dead one, holds its image here: its task is not to wait for a registry that is slow with others. */
function mayHaveToWait({ instances, assignment }: TaskRun): boolean {
  return instances.size === 0 || assignment?.spec.pull === "always";
}

function create(run: TaskRun, desk: Desk): boolean {
  if (!desk.starts.take(run.taskId)) return false;
  begin(run, "create", { kind: "create", request: createRequest(run) }, desk);
  return false;
}

function start(run: TaskRun, instance: KnownInstance, desk: Desk): boolean {
  if (!desk.starts.take(run.taskId)) return false;
  if (run.fact.state !== "starting") rise(run, "starting", { message: "" });
  const { runtime, instanceId } = instance;
  begin(run, "start", { kind: "start", of: identity(run), runtime, instanceId }, desk);
  return false;
}

function stop(run: TaskRun, instance: KnownInstance, desk: Desk): boolean {
  const { taskId, incarnation, runtime, instanceId } = instance;
  const spec = run.assignment?.spec;
  const signal = spec?.stopSignal ?? "";
  const graceMs = spec?.stopGraceMs ?? DEFAULT_GRACE_MS;
  run.probes.nextAtMs = null;
  const of = { taskId, incarnation };
  run.op = { kind: "stop", of };
  desk.touch(run);
  desk.emit({ kind: "stop", of, runtime, instanceId, signal, graceMs });
  return false;
}

function operate(run: TaskRun, kind: "remove" | "inspect", instance: KnownInstance, desk: Desk): boolean {
  const { taskId, incarnation, runtime, instanceId } = instance;
  const of = { taskId, incarnation };
  run.op = { kind, of };
  desk.touch(run);
  desk.emit({ kind, of, runtime, instanceId });
  return false;
}

function begin(run: TaskRun, kind: OperationKind, effect: WorkerEffect, desk: Desk): void {
  run.op = { kind, of: identity(run) };
  desk.touch(run);
  desk.emit(effect);
}

function riseTo(run: TaskRun, state: TaskState, desk: Desk): void {
  if (state === "running") {
    becomeRunning(run, desk);
    return;
  }
  if (state === "stopped") {
    becomeStopped(run, desk);
    return;
  }
  if (state === "stopping") resetProbes(run.probes);
  rise(run, state, state === "stopping" || state === "starting" ? { message: "" } : {});
  // Nothing rises to this but what has to remember it before it goes on.
  if (state === "starting") mark(run, "sync");
}

function becomeRunning(run: TaskRun, desk: Desk): void {
  const instance = currentInstance(run);
  rise(run, "running", {
    message: "",
    containerId: instance?.instanceId ?? "",
    ports: instance?.ports ?? [],
    startedMs: instance?.startedMs || desk.time.wallMs,
  });
  run.retries.clear();
  beginHealth(run, desk);
}

function watch(run: TaskRun, desk: Desk): void {
  amend(run, { message: "", ports: currentInstance(run)?.ports ?? run.fact.ports });
  beginHealth(run, desk);
  desk.log("info", `${nameOf(run)}: still runs, adopted`);
}

function becomeStopped(run: TaskRun, desk: Desk): void {
  const instance = currentInstance(run);
  if (instance !== null && instance.status === "exited") {
    const { incarnation } = run.fact;
    const { exitCode, oomKilled } = instance;
    recordExit(run, { incarnation, code: exitCode, oomKilled, reason: "stopped", atMs: desk.time.wallMs });
  }
  finish(run, "stopped", "", desk);
}

/** Nobody waits for an image that is not wanted any more. */
function abortUnwantedPull(run: TaskRun, desk: Desk): void {
  if (run.op?.kind !== "pull" || !isEnding(run)) return;
  desk.emit({ kind: "abort", of: run.op.of });
}

function createRequest(run: TaskRun): CreateRequest {
  const { assignment } = run;
  assert(assignment !== null, `task ${run.taskId} has no assignment and is to be created`);
  const { jobId, name, service, slot, spec } = assignment;
  return { ...identity(run), jobId, name, service, slot, spec, specHash: specHash(spec) };
}

/** A restart by command of a task that is not up yet, or waits for its next start: it starts now, which answers the command. */
export function restartWaiting(run: TaskRun, desk: Turn): void {
  if (isTerminal(run.fact.state)) return;
  const serial = run.assignment?.restartSerial ?? 0;
  if (serial <= run.answeredSerial) return;
  if (run.fact.state === "starting" || run.fact.state === "running" || run.fact.state === "stopping") return;
  run.answeredSerial = serial;
  run.restartAtMs = null;
  run.retries.clear();
  mark(run, "sync");
  desk.log("info", `${nameOf(run)}: starts at once, on command`);
}
