/**
 * The book's TaskEvent as a job: Tim Boring, "Build an Orchestrator in Go (From Scratch)", Manning 2024. Keys match whatever their case, unknown ones are refused,
 * and of the event only Task and its State count: State 3 stops a task that is there already, every other one starts it. Pure.
 */

import { didYouMean } from "../client/closest.ts";
import { ClientError } from "../client/cluster-client.ts";
import { nameFrom } from "../client/job-limits.ts";
import { type PortRequest, toJobSpec } from "../client/job-request.ts";
import type { JobSpec, RestartCondition } from "../core/spec.ts";

/** The book's number for a completed task. */
const COMPLETED = 3;

const EVENT_KEYS = ["ID", "State", "Timestamp", "Task"];
const TASK_KEYS = [
  "ID",
  "ContainerID",
  "Name",
  "State",
  "Image",
  "Cpu",
  "Memory",
  "Disk",
  "ExposedPorts",
  "HostPorts",
  "PortBindings",
  "RestartPolicy",
  "StartTime",
  "FinishTime",
  "HealthCheck",
  "RestartCount",
];
const RESTARTS: Readonly<Record<string, RestartCondition>> = {
  "": "no",
  no: "no",
  always: "always",
  "unless-stopped": "unless-stopped",
  "on-failure": "on-failure",
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Go's zero value for an id: none was given. */
const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** True for a JSON object that is meant as a TaskEvent: it has a Task. */
export function isBookTask(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && Object.keys(value).some((key) => key.toLowerCase() === "task");
}

/** The job of an event, with the user's id or "" where it names none. Throws ClientError `invalid` that names the field. */
export function bookTask(event: Record<string, unknown>): { spec: JobSpec; id: string; stop: boolean } {
  const outer = fields(event, EVENT_KEYS, "");
  if (!isRecord(outer.Task)) throw wrong("Task", "must be an object");
  const task = fields(outer.Task, TASK_KEYS, "Task.");
  uuid(outer.ID ?? "", "ID");
  const id = uuid(task.ID ?? "", "Task.ID");
  state(task.State, "Task.State");
  return { id, stop: state(outer.State, "State") === COMPLETED, spec: specOf(task) };
}

function specOf(task: Record<string, unknown>): JobSpec {
  const path = text(task.HealthCheck, "Task.HealthCheck");
  return toJobSpec({
    name: nameFrom(text(task.Name, "Task.Name") || text(task.Image, "Task.Image")),
    image: text(task.Image, "Task.Image"),
    cpuMillis: cpuMillis(number(task.Cpu, "Task.Cpu")),
    memoryBytes: number(task.Memory, "Task.Memory"),
    diskBytes: number(task.Disk, "Task.Disk"),
    ports: ports(task),
    restart: restart(task.RestartPolicy),
    ...(path === "" ? {} : { health: { http: path.startsWith("/") ? path : `/${path}` } }),
  });
}

/** A share too small to be counted is still a limit, not none. */
function cpuMillis(cores: number): number {
  return cores > 0 ? Math.max(1, Math.round(cores * 1000)) : Math.round(cores * 1000);
}

/** Values by the declared spelling of their keys. */
function fields(value: Record<string, unknown>, known: readonly string[], path: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const name = known.find((candidate) => candidate.toLowerCase() === key.toLowerCase());
    if (name === undefined) throw new ClientError("invalid", `unknown field "${path}${key}"`, didYouMean(key, known));
    found[name] = content;
  }
  return found;
}

/** A bound port keeps its host port; a port that is only exposed gets a free one. */
function ports(task: Record<string, unknown>): PortRequest[] {
  const bindings = record(task.PortBindings, "Task.PortBindings");
  const bound = Object.entries(bindings).map(([port, host]) => portOf(port, text(host, `Task.PortBindings.${port}`)));
  const exposed = Object.keys(record(task.ExposedPorts, "Task.ExposedPorts")).filter(
    (port) => !Object.hasOwn(bindings, port),
  );
  return [...bound, ...exposed.map((port) => portOf(port, ""))];
}

function portOf(port: string, host: string): PortRequest {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(port);
  if (match === null || !/^\d{0,5}$/.test(host))
    throw wrong(`Task port "${port}"`, 'must look like "7777/tcp": "7777"');
  return { containerPort: Number(match[1]), hostPort: Number(host), protocol: match[2] === "udp" ? "udp" : "tcp" };
}

function restart(value: unknown): RestartCondition {
  const word = text(value, "Task.RestartPolicy");
  const condition = Object.hasOwn(RESTARTS, word) ? RESTARTS[word] : undefined;
  if (condition === undefined)
    throw wrong("Task.RestartPolicy", `"${word}" is unknown: "", always, unless-stopped or on-failure`);
  return condition;
}

function state(value: unknown, path: string): number {
  const found = number(value, path);
  if (!Number.isInteger(found) || found < 0 || found > 4) throw wrong(path, "must be a whole number from 0 to 4");
  return found;
}

function uuid(value: unknown, path: string): string {
  const id = text(value, path);
  if (id !== "" && !UUID.test(id)) throw wrong(path, `"${id}" is no UUID`);
  return id === NIL_UUID ? "" : id.toLowerCase();
}

function text(value: unknown, path: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw wrong(path, `must be a text, not ${typeOf(value)}`);
  return value;
}

function number(value: unknown, path: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number") throw wrong(path, `must be a number, not ${typeOf(value)}`);
  return value;
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw wrong(path, `must be an object, not ${typeOf(value)}`);
  return value;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "a text" : `a ${typeof value}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(path: string, problem: string): ClientError {
  return new ClientError("invalid", `${path} ${problem}`);
}
