/** What a simulated engine says: containers as it shows them, and failures as answers. Pure. */
import type { Failure } from "../core/failure.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { CreateRequest, Instance, WorkerEffect, WorkerEvent } from "../worker/effects.ts";
import type { Container } from "./trace.ts";

/** Effects that an engine performs. */
export type EngineEffect = Extract<
  WorkerEffect,
  { readonly kind: "list" | "pull" | "create" | "start" | "stop" | "remove" | "inspect" | "abort" | "probe" }
>;

/** A container as its engine shows it. */
export function sight(one: Container, wallAt: (ms: number) => number): Instance {
  return {
    taskId: one.taskId,
    incarnation: one.incarnation,
    instanceId: one.instanceId,
    runtime: "docker",
    status: one.status,
    specHash: one.specHash,
    exitCode: one.exitCode,
    oomKilled: one.oomKilled,
    error: "",
    ports: one.spec.ports,
    address: "",
    startedMs: one.startedMs === 0 ? 0 : wallAt(one.startedMs),
    finishedMs: one.finishedMs === 0 ? 0 : wallAt(one.finishedMs),
  };
}

/** A container that was just made on that node. */
export function newContainer(
  node: string,
  of: Partial<CreateRequest> & { readonly instanceId: string; readonly spec: TaskSpec; readonly isForeign: boolean },
): Container {
  const { instanceId, spec, isForeign } = of;
  return {
    instanceId,
    node,
    taskId: of.taskId ?? instanceId,
    incarnation: of.incarnation ?? 0,
    jobId: of.jobId ?? "",
    service: of.service ?? "",
    slot: of.slot ?? 0,
    spec,
    specHash: of.specHash ?? "",
    isForeign,
    status: "created",
    exitCode: null,
    oomKilled: false,
    startedMs: 0,
    finishedMs: 0,
  };
}

/** Effects that are answered. */
export type EngineCall = Exclude<EngineEffect, { readonly kind: "abort" }>;

/** How an operation that has failed is answered; null where nobody waits for an answer. */
export function failed(effect: EngineCall, failure: Failure): WorkerEvent;
export function failed(effect: EngineEffect, failure: Failure): WorkerEvent | null;
export function failed(effect: EngineEffect, failure: Failure): WorkerEvent | null {
  const result = { ok: false as const, failure };
  switch (effect.kind) {
    case "list":
      return { kind: "listed", runtime: "docker", result };
    case "pull":
      return { kind: "pulled", of: identity(effect.request), result };
    case "create":
      return { kind: "created", of: identity(effect.request), result };
    case "start":
      return { kind: "started", of: effect.of, result };
    case "stop":
      return { kind: "stopped", of: effect.of, result };
    case "remove":
      return { kind: "removed", of: effect.of, result };
    case "inspect":
      return { kind: "inspected", of: effect.of, result };
    case "probe":
      return { kind: "probed", of: effect.of, failure };
    default:
      return null;
  }
}

/** The incarnation of something that carries more. */
export function identity({ taskId, incarnation }: { readonly taskId: string; readonly incarnation: number }) {
  return { taskId, incarnation };
}

/** An incarnation as a key. */
export function keyOf(of: { readonly taskId: string; readonly incarnation: number }): string {
  return `${of.taskId}/${of.incarnation}`;
}
