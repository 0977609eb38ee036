/** What a violation is about: the tasks, jobs and machines that its facts name, and what of a run has touched them. Pure. */
import type { LoggedChange } from "../core/change.ts";
import type { Fault } from "./faults.ts";
import type { SentFrame } from "./report-recording.ts";
import type { Outcome } from "./run.ts";
import { lineOf, type SimEvent, subjectOf } from "./trace.ts";

/** Who is involved. */
export interface Subject {
  readonly tasks: ReadonlySet<string>;
  readonly jobs: ReadonlySet<string>;
  /** Nodes and managers, as they are called in the network. */
  readonly machines: ReadonlySet<string>;
}

/** Reads the facts; ids are there as a whole or as their first eight digits, jobs also by their name. */
export function subjectOfRun({ plan, violation }: Outcome, events: readonly { readonly event: SimEvent }[]): Subject {
  const text = violation?.facts.join(" ") ?? "";
  const words = new Set(text.match(/[\w-]+'?/g) ?? []);
  const known = knownIn(events);
  const isNamed = (id: string): boolean => words.has(id) || words.has(id.slice(0, 8));
  const tasks = new Set([...known.tasks.keys()].filter(isNamed));
  const jobs = new Set([...known.jobs].flatMap(([id, name]) => (isNamed(id) || words.has(name) ? [id] : [])));
  // A job whose tasks are not named is about all of them.
  if (tasks.size === 0) for (const [id, { jobId }] of known.tasks) if (jobs.has(jobId)) tasks.add(id);
  const machines = new Set(["m1", "m2", ...plan.nodes.map(({ name }) => name)].filter((name) => words.has(name)));
  for (const id of tasks) {
    const task = known.tasks.get(id);
    if (task !== undefined) jobs.add(task.jobId);
    for (const node of task?.nodes ?? []) machines.add(node);
  }
  return { tasks, jobs, machines };
}

interface Known {
  readonly tasks: Map<string, { readonly jobId: string; readonly nodes: Set<string> }>;
  readonly jobs: Map<string, string>;
}

function knownIn(events: readonly { readonly event: SimEvent }[]): Known {
  const known: Known = { tasks: new Map(), jobs: new Map() };
  const add = (id: string, jobId: string, node: string | null): void => {
    const task = known.tasks.get(id) ?? { jobId, nodes: new Set() };
    if (node !== null) task.nodes.add(node);
    known.tasks.set(id, task);
  };
  for (const { event } of events) {
    if ("container" in event) {
      const { taskId, jobId, node, isForeign } = event.container;
      if (!isForeign) add(taskId, jobId, node);
    } else if (event.kind === "ordered") {
      for (const { taskId, jobId } of event.set.put) add(taskId, jobId, event.node);
    } else if (event.kind === "durable") {
      for (const { change } of event.changes) {
        if (change.kind === "task.put") add(change.task.id, change.task.jobId, change.task.nodeId);
        if (change.kind === "job.put") known.jobs.set(change.job.id, change.job.spec.name);
      }
    } else if (event.kind === "answered" && event.result.ok && !known.jobs.has(event.result.jobId)) {
      known.jobs.set(event.result.jobId, "");
    }
  }
  return known;
}

/** Whether that event is about one of the tasks or their jobs. */
export function touches({ tasks, jobs }: Subject, event: SimEvent): boolean {
  switch (event.kind) {
    case "durable":
      return event.changes.some((logged) => isOf({ tasks, jobs }, logged));
    case "journaled":
      return event.records.some((record) => "taskId" in record && tasks.has(record.taskId));
    case "ordered":
      return event.set.put.some(({ taskId }) => tasks.has(taskId)) || event.set.remove.some((id) => tasks.has(id));
    case "answered":
      return event.result.ok && jobs.has(event.result.jobId);
    default:
      return tasks.has(subjectOf(event)?.taskId ?? "");
  }
}

function isOf({ tasks, jobs }: Pick<Subject, "tasks" | "jobs">, { change }: LoggedChange): boolean {
  if (change.kind === "task.put") return tasks.has(change.task.id);
  if (change.kind === "task.remove" || change.kind === "decision.remove") return tasks.has(change.taskId);
  if (change.kind === "job.put") return jobs.has(change.job.id);
  return change.kind === "job.remove" && jobs.has(change.jobId);
}

/** One line of an event: of a large one only what is about the subject. */
export function lineFor(subject: Subject, event: SimEvent): string {
  if (event.kind === "fault") return `fault ${event.phase}: ${faultText(event.fault)}`;
  if (event.kind === "durable" && subject.tasks.size > 0) {
    const changes = event.changes.filter((logged) => isOf(subject, logged));
    const others = event.changes.length - changes.length;
    const line = changes.length === 0 ? `${event.manager} keeps` : lineOf({ ...event, changes });
    const rest = others === 1 ? "1 change of others" : `${others} changes of others`;
    return others === 0 ? line : `${line}${changes.length === 0 ? " " : "; "}${rest}`;
  }
  if (event.kind === "ordered") return `${lineOf(event)}: ${setText(subject, event.set)}`;
  return lineOf(event);
}

/** A fault without its moment. */
function faultText({ kind, atMs: _atMs, ...rest }: Fault): string {
  return [kind, ...Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`)].join(", ");
}

type AssignmentSet = Extract<SimEvent, { readonly kind: "ordered" }>["set"];

/** A set of assignments in words. */
function setText({ tasks }: Subject, { number, base, put, remove }: AssignmentSet): string {
  const named = put.filter(({ taskId }) => tasks.has(taskId));
  const removed = remove.filter((id) => tasks.has(id));
  const others = put.length + remove.length - named.length - removed.length;
  return [
    `set ${number}${base === 0 ? ", whole" : ` on ${base}`}`,
    ...named.map(({ taskId, desired }) => `${shortId(taskId)} is to ${desired}`),
    ...removed.map((id) => `${shortId(id)} is to go`),
    ...othersText(others),
  ].join(", ");
}

function othersText(many: number): string[] {
  if (many === 0) return [];
  return [many === 1 ? "1 other" : `${many} others`];
}

/** Whether that message names one of the tasks. */
export function carries({ tasks }: Subject, { frame }: SentFrame): boolean {
  if (frame.kind !== "message") return false;
  const { message } = frame;
  switch (message.kind) {
    case "assignments":
      return message.put.some(({ taskId }) => tasks.has(taskId)) || message.remove.some((id) => tasks.has(id));
    case "report":
      return message.facts.some(({ taskId }) => tasks.has(taskId)) || message.removed.some((id) => tasks.has(id));
    case "held":
      return (
        message.held.some(({ fact }) => tasks.has(fact.taskId)) ||
        message.strays.some(({ taskId }) => tasks.has(taskId))
      );
    default:
      return false;
  }
}

/** One line of a message: of a large one only what is about the subject. */
export function messageLine(subject: Subject, { frame }: SentFrame): string {
  if (frame.kind !== "message") return frame.kind;
  const { message } = frame;
  switch (message.kind) {
    case "assignments":
      return `assignments: ${setText(subject, message)}`;
    case "report":
      return `report ${message.number}${message.full ? ", full" : ""}: ${reportText(subject, message)}`;
    case "held": {
      const named = message.held.filter(({ fact }) => subject.tasks.has(fact.taskId));
      const facts = named.map(({ fact }) => factText(fact));
      return `held: ${[...facts, ...othersText(message.held.length - named.length)].join(", ") || "nothing"}`;
    }
    case "hello":
      return `hello: set ${message.setNumber}, ${message.seen === null ? "has obeyed nobody" : `has obeyed ${message.seen.instanceId} (term ${message.seen.term}, revision ${message.seen.revision})`}`;
    case "welcome":
      return `welcome: ${message.manager.instanceId}, term ${message.manager.term}, revision ${message.manager.revision}`;
    case "refused":
      return `refused: ${message.reason || "no more"}`;
    case "ack":
      return `ack ${message.number}`;
    default:
      return message.kind;
  }
}

type Report = Extract<Extract<SentFrame["frame"], { kind: "message" }>["message"], { readonly kind: "report" }>;

function reportText({ tasks }: Subject, { facts, removed }: Report): string {
  const named = facts.filter(({ taskId }) => tasks.has(taskId));
  const gone = removed.filter((id) => tasks.has(id));
  const others = facts.length + removed.length - named.length - gone.length;
  const parts = [...named.map(factText), ...gone.map((id) => `${shortId(id)} is removed`), ...othersText(others)];
  return parts.join(", ") || "nothing";
}

function factText(fact: Report["facts"][number]): string {
  return `${shortId(fact.taskId)}.${fact.incarnation} ${fact.state}`;
}

/** As ids are shown everywhere in a report. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
