/**
 * Reads the book's JSON as its Go program does (encoding/json): keys match whatever their case, absent fields are zero, wrong types are refused in Go's words, and
 * unknown fields are refused or not as the reader wishes. The content type plays no part. Pure.
 */
import { didYouMean } from "../core/closest.ts";
import { isObject } from "../core/json.ts";

export type PortSet = Readonly<Record<string, Readonly<Record<string, never>>>>;
export type PortMap = Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>;

/** The book's Task, fields in its order. Memory and Disk in bytes, Cpu in cores. */
export interface BookTask {
  readonly ID: string;
  readonly ContainerID: string;
  readonly Name: string;
  readonly State: number;
  readonly Image: string;
  readonly Cpu: number;
  readonly Memory: number;
  readonly Disk: number;
  readonly ExposedPorts: PortSet | null;
  readonly HostPorts: PortMap | null;
  readonly PortBindings: Readonly<Record<string, string>> | null;
  readonly RestartPolicy: string;
  readonly StartTime: string;
  readonly FinishTime: string;
  readonly HealthCheck: string;
  readonly RestartCount: number;
}

/** The book's TaskEvent. */
export interface BookEvent {
  readonly ID: string;
  readonly State: number;
  readonly Timestamp: string;
  readonly Task: BookTask;
}

/** What a body cannot be, in Go's words where they are known; `plain` says it with the field's path to someone who wrote a file, `hint` the way out or "". */
export class DecodeError extends Error {
  readonly plain: string;
  readonly hint: string;
  constructor(message: string, plain = message, hint = "") {
    super(message);
    this.plain = plain;
    this.hint = hint;
  }
}

/** Go's zero time. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";
/** The UUID of a task that names none. */
export const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** A TaskEvent of parsed JSON. Throws DecodeError. */
export function decodeEvent(value: unknown, options: { readonly unknownFields: "refuse" | "accept" }): BookEvent {
  const strict = options.unknownFields === "refuse";
  return struct("TaskEvent", eventFields(strict), strict)(value, "TaskEvent");
}

/** A Task of parsed JSON, whatever else is in it. Throws DecodeError. */
export function decodeTask(value: unknown): BookTask {
  return struct("Task", taskFields(false), false)(value, "Task");
}

/** A UUID as google/uuid reads it, in its usual form: with hyphens, without, in braces, or as urn:uuid:. `at` is its field. Throws DecodeError. */
export function parseUuid(text: string, at = "ID"): string {
  const plain = `${pathOf(at)}: ${JSON.stringify(text)} is no UUID`;
  const bare = text.replace(/^urn:uuid:/i, "").replace(/^\{(.*)\}$/, "$1");
  const hex = bare.replaceAll("-", "").toLowerCase();
  if (![32, 36].includes(bare.length)) throw new DecodeError(`invalid UUID length: ${text.length}`, plain);
  const hyphens = bare.length === 32 || /^.{8}-.{4}-.{4}-.{4}-.{12}$/.test(bare);
  if (!hyphens || !/^[0-9a-f]{32}$/.test(hex)) throw new DecodeError("invalid UUID format", plain);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Reads a value of JSON; undefined is an absent field. */
type Reader<T> = (value: unknown, at: string) => T;
type Fields<T> = { readonly [K in keyof T]: Reader<T[K]> };

const TIME = /^\d{4}-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})([.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;

const text = scalar("string", "string", "");
const stateNumber = whole("task.State");
const wholeNumber = whole("int");

const uuid: Reader<string> = (value, at) => (absent(value) ? NIL_UUID : parseUuid(text(value, at), at));

const time: Reader<string> = (value, at) => {
  if (absent(value)) return ZERO_TIME;
  const plain = `${pathOf(at)}: ${JSON.stringify(value)} is no time such as 2006-01-02T15:04:05Z`;
  if (typeof value !== "string") throw new DecodeError("Time.UnmarshalJSON: input is not a JSON string", plain);
  if (TIME.test(value) && !Number.isNaN(Date.parse(value.replace(",", ".")))) return value;
  const quoted = JSON.stringify(JSON.stringify(value));
  throw new DecodeError(`parsing time ${quoted} as "\\"2006-01-02T15:04:05Z07:00\\""`, plain);
};

const float: Reader<number> = scalar("number", "float64", 0);

function eventFields(strict: boolean): Fields<BookEvent> {
  return { ID: uuid, State: stateNumber, Timestamp: time, Task: struct("Task", taskFields(strict), strict) };
}

function taskFields(strict: boolean): Fields<BookTask> {
  return {
    ID: uuid,
    ContainerID: text,
    Name: text,
    State: stateNumber,
    Image: text,
    Cpu: float,
    Memory: wholeNumber,
    Disk: wholeNumber,
    ExposedPorts: mapOf<Readonly<Record<string, never>>>(struct("struct", {}, strict), "nat.PortSet"),
    HostPorts: mapOf(bindings(strict), "nat.PortMap"),
    PortBindings: mapOf(text, "map[string]string"),
    RestartPolicy: text,
    StartTime: time,
    FinishTime: time,
    HealthCheck: text,
    RestartCount: wholeNumber,
  };
}

/** A struct by its fields; `strict` refuses others. */
function struct<T>(type: string, fields: Fields<T>, strict: boolean): Reader<T> {
  return (value, at) => {
    const given = absent(value) ? {} : record(value, at, type);
    const known = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
    const read: Record<string, unknown> = {};
    const readers = fields as Readonly<Record<string, Reader<unknown>>>;
    for (const [key, item] of Object.entries(given)) {
      const name = known.get(key.toLowerCase());
      if (name === undefined && strict) {
        const plain = `unknown field "${pathOf(`${type}.${key}`)}"`;
        throw new DecodeError(`json: unknown field "${key}"`, plain, didYouMean(key, Object.keys(fields)));
      }
      // The last of several spellings counts, as in Go.
      if (name !== undefined) read[name] = readers[name]?.(item, `${type}.${name}`);
    }
    const inOrder = Object.keys(fields).map((name) => [
      name,
      name in read ? read[name] : readers[name]?.(undefined, name),
    ]);
    return Object.fromEntries(inOrder) as T;
  };
}

type Binding = { readonly HostIp: string; readonly HostPort: string };

function bindings(strict: boolean): Reader<readonly Binding[]> {
  const binding = struct<Binding>("PortBinding", { HostIp: text, HostPort: text }, strict);
  return (value, at) => {
    if (absent(value)) return [];
    if (!Array.isArray(value)) throw wrongType(value, at, "[]nat.PortBinding");
    return value.map((item) => binding(item, at));
  };
}

function mapOf<T>(reader: Reader<T>, type: string): Reader<Readonly<Record<string, T>> | null> {
  return (value, at) => {
    if (absent(value)) return null;
    return Object.fromEntries(Object.entries(record(value, at, type)).map(([key, item]) => [key, reader(item, at)]));
  };
}

function scalar<T extends string | number>(kind: "string" | "number", type: string, zero: T): Reader<T> {
  return (value, at) => {
    if (absent(value)) return zero;
    if (typeof value !== kind) throw wrongType(value, at, type);
    return value as T;
  };
}

function whole(type: string): Reader<number> {
  const number = scalar<number>("number", type, 0);
  return (value, at) => {
    const read = number(value, at);
    if (Number.isSafeInteger(read)) return read;
    const plain = `${pathOf(at)} must be a whole number, not ${read}`;
    throw new DecodeError(`json: cannot unmarshal number ${read} into Go struct field ${at} of type ${type}`, plain);
  };
}

function record(value: unknown, at: string, type: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw wrongType(value, at, type);
}

function wrongType(value: unknown, at: string, type: string): DecodeError {
  const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  const field = at.includes(".") ? `struct field ${at}` : "value";
  const plain = `${pathOf(at)} must be ${PLAIN_TYPES[type] ?? "an object"}, not ${PLAIN_KINDS[kind]}`;
  return new DecodeError(`json: cannot unmarshal ${kind} into Go ${field} of type ${type}`, plain);
}

const PLAIN_TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  float64: "a number",
  int: "a number",
  "task.State": "a number",
  "[]nat.PortBinding": "a list",
};
const PLAIN_KINDS: Readonly<Record<string, string>> = {
  array: "a list",
  bool: "true or false",
  number: "a number",
  object: "an object",
  string: "a text",
};

/** Where a field of a Go struct is in the event. */
function pathOf(at: string): string {
  return at.replace(/^TaskEvent\./, "");
}

/** Go leaves a field as it is for null, too. */
function absent(value: unknown): boolean {
  return value === undefined || value === null;
}
