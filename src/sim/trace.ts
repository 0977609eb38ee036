/**
 * What really happens in a run, as everything that checks, reports or hashes it sees it. Facts of the simulated world, not what a machine believes.
 */
import type { LoggedChange } from "../core/change.ts";
import type { NodeFacts } from "../core/node.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { Command, CommandResult } from "../manager/commands.ts";
import type { ManagerIdentity, ManagerMessage } from "../protocol/messages.ts";
import type { JournalRecord, WorkerEffect } from "../worker/effects.ts";
import type { Fault } from "./faults.ts";

/** A container, real as far as the run goes. */
export interface Container {
  readonly instanceId: string;
  readonly node: string;
  readonly taskId: string;
  readonly incarnation: number;
  readonly jobId: string;
  readonly service: string;
  readonly slot: number;
  readonly spec: TaskSpec;
  readonly specHash: string;
  /** Not of this cluster: nobody may touch it. */
  readonly isForeign: boolean;
  status: "created" | "running" | "exited";
  exitCode: number | null;
  oomKilled: boolean;
  startedMs: number;
  finishedMs: number;
}

/** Who ended a container: itself, an order of its worker, or somebody else. */
export type DeathCause = "exit" | "stop" | "kill" | "hand" | "engine";

export type SimEvent =
  | { readonly kind: "fault"; readonly fault: Fault; readonly phase: "begins" | "ends" }
  /** No fault lasts, and none comes any more. */
  | { readonly kind: "healed" }
  | { readonly kind: "process"; readonly who: string; readonly what: "starts" | "dies" | "stops" | "goes on" }
  | { readonly kind: "created"; readonly container: Container; readonly isAdopted: boolean }
  | { readonly kind: "started"; readonly container: Container }
  | { readonly kind: "signalled"; readonly container: Container; readonly signal: string; readonly graceMs: number }
  | { readonly kind: "died"; readonly container: Container; readonly cause: DeathCause }
  | { readonly kind: "removed"; readonly container: Container; readonly by: "worker" | "hand" }
  /** A worker's machine asks its engine for something. */
  | { readonly kind: "effect"; readonly node: string; readonly effect: WorkerEffect }
  /** A worker's machine is about to be given an order by a manager. */
  | {
      readonly kind: "ordered";
      readonly node: string;
      readonly from: ManagerIdentity;
      readonly base: number;
      readonly set: Extract<ManagerMessage, { readonly kind: "assignments" }>;
    }
  | { readonly kind: "asked"; readonly ticket: number; readonly command: Command; readonly manager: string }
  | { readonly kind: "answered"; readonly ticket: number; readonly command: Command; readonly result: CommandResult }
  /** Durable in the store of that manager. */
  | { readonly kind: "durable"; readonly manager: string; readonly changes: readonly LoggedChange[] }
  /** Durable in the journal of that worker: added to it, or in the place of all that it held. */
  | {
      readonly kind: "journaled";
      readonly node: string;
      readonly records: readonly JournalRecord[];
      readonly isWhole: boolean;
    }
  /** A manager asks its workers what they hold, and writes nothing but that until it takes over. */
  | { readonly kind: "adopting"; readonly manager: string }
  /** A manager has taken over a store. */
  | {
      readonly kind: "took-over";
      readonly manager: string;
      readonly identity: ManagerIdentity;
      readonly how: "start" | "recovery" | "adoption";
    }
  /** A manager has opened a store that is damaged: people can look, and nothing else. */
  | { readonly kind: "read-only"; readonly manager: string; readonly problem: string }
  /** A store was put in the place of another one, or emptied, or what is left of it is to do. */
  | { readonly kind: "replaced"; readonly manager: string; readonly how: "rollback" | "wipe" | "copy" | "loss" }
  | { readonly kind: "linked"; readonly node: string; readonly manager: string }
  | { readonly kind: "unlinked"; readonly node: string; readonly manager: string; readonly reason: string }
  | { readonly kind: "facts"; readonly node: string; readonly facts: NodeFacts };

/** An event with its moment, in ms since the beginning of the run. */
export interface Traced {
  readonly atMs: number;
  readonly event: SimEvent;
}

/** One line for people and for the hash. */
export function lineOf(event: SimEvent): string {
  switch (event.kind) {
    case "fault":
      return `fault ${event.phase}: ${JSON.stringify(event.fault)}`;
    case "healed":
      return "all is healed";
    case "journaled":
      return `${event.node} ${event.isWhole ? "writes its journal anew" : "journals"}: ${event.records.length} records`;
    case "adopting":
      return `${event.manager} asks what workers hold`;
    case "process":
      return `${event.who} ${event.what}`;
    case "created":
      return `${nameOf(event.container)} is created${event.isAdopted ? " (was there)" : ""}`;
    case "started":
      return `${nameOf(event.container)} runs`;
    case "signalled":
      return `${nameOf(event.container)} gets ${event.signal || "SIGTERM"}, ${event.graceMs} ms`;
    case "died":
      return `${nameOf(event.container)} is dead (${event.cause}, ${event.container.exitCode})`;
    case "removed":
      return `${nameOf(event.container)} is removed (${event.by})`;
    case "effect":
      return `${event.node} asks: ${effectLine(event.effect)}`;
    case "ordered":
      return `${event.node} is ordered by ${event.from.instanceId}, term ${event.from.term}, revision ${event.from.revision}`;
    case "asked":
      return `user asks ${event.manager}: ${event.command.kind} #${event.ticket}`;
    case "answered":
      return `user hears: ${event.command.kind} #${event.ticket} ${event.result.ok ? "done" : event.result.message}`;
    case "durable":
      return `${event.manager} keeps ${event.changes.map(changeLine).join("; ")}`;
    case "took-over":
      return `${event.manager} takes over (${event.how}): term ${event.identity.term}, revision ${event.identity.revision}`;
    case "read-only":
      return `${event.manager} only reads: ${event.problem}`;
    case "replaced":
      return `the store of ${event.manager} is replaced: ${event.how}`;
    case "linked":
      return `${event.node} and ${event.manager} are linked`;
    case "unlinked":
      return `${event.node} and ${event.manager} are not linked: ${event.reason}`;
    default:
      return `${event.node} says what it offers`;
  }
}

function nameOf({ node, taskId, incarnation, isForeign }: Container): string {
  return `${node}/${isForeign ? "foreign-" : ""}${taskId.slice(0, 8)}.${incarnation}`;
}

function effectLine(effect: WorkerEffect): string {
  if ("of" in effect) return `${effect.kind} ${effect.of.taskId.slice(0, 8)}.${effect.of.incarnation}`;
  if ("request" in effect) return `${effect.kind} ${effect.request.taskId.slice(0, 8)}.${effect.request.incarnation}`;
  return effect.kind === "log" ? `log ${effect.text}` : effect.kind;
}

function changeLine({ revision, text, change }: LoggedChange): string {
  if (change.kind === "task.put") {
    const { id, fact, desired, nodeId } = change.task;
    return `${revision} task ${id.slice(0, 8)} on ${nodeId ?? "-"} ${fact.incarnation}:${fact.state} (${desired}) ${text}`;
  }
  if (change.kind === "node.put") return `${revision} node ${change.node.id} ${change.node.state} ${text}`;
  return `${revision} ${change.kind} ${text}`;
}

/** Events about a task or a node; null where an event is about neither. */
export function subjectOf(event: SimEvent): { readonly node: string; readonly taskId: string } | null {
  if ("container" in event) return { node: event.container.node, taskId: event.container.taskId };
  if (event.kind !== "effect") return "node" in event ? { node: event.node, taskId: "" } : null;
  const { effect, node } = event;
  if ("of" in effect) return { node, taskId: effect.of.taskId };
  return { node, taskId: "request" in effect ? effect.request.taskId : "" };
}
