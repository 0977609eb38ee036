/**
 * Between changes and rows: a record's row is JSON with its format version, and so is a logged change, which holds the same record.
 * The record is encoded once for both, because this is on the path of every start.
 */
import type { AccessToken } from "../core/access.ts";
import type { Change, HandledRequest, LoggedChange } from "../core/change.ts";
import type { Decision } from "../core/decision.ts";
import { type Job, type Slot, slotKey } from "../core/job.ts";
import type { Node } from "../core/node.ts";
import type { Task } from "../core/task.ts";
import { rowKey, type Table, tableOfKey } from "./keys.ts";
import { STORE_FORMAT, upgradeRecord } from "./migrate.ts";

/** A change as rows see it. `record` is JSON; null removes the row. */
export interface RowChange {
  readonly table: Table;
  readonly id: string;
  readonly key: string;
  readonly record: string | null;
}

/** The field that names the record in a remove, and in nothing else. */
const REMOVED_ID = {
  job: "jobId",
  slot: "key",
  task: "taskId",
  node: "nodeId",
  decision: "taskId",
  request: "key",
  access: "name",
} as const satisfies Record<Table, string>;

/** What a change does to the rows. Pure. */
export function toRow(change: Change): RowChange {
  switch (change.kind) {
    case "job.put":
      return put("job", change.job.id, change.job);
    case "slot.put":
      return put("slot", slotKey(change.slot.jobId, change.slot.service, change.slot.index), change.slot);
    case "task.put":
      return put("task", change.task.id, change.task);
    case "node.put":
      return put("node", change.node.id, change.node);
    case "decision.put":
      return put("decision", change.decision.taskId, change.decision);
    case "request.put":
      return put("request", change.request.key, change.request);
    case "access.put":
      return put("access", change.access.name, change.access);
    case "job.remove":
      return remove("job", change.jobId);
    case "slot.remove":
      return remove("slot", change.key);
    case "task.remove":
      return remove("task", change.taskId);
    case "node.remove":
      return remove("node", change.nodeId);
    case "decision.remove":
      return remove("decision", change.taskId);
    case "request.remove":
      return remove("request", change.key);
    case "access.remove":
      return remove("access", change.name);
  }
}

type Stored = Job | Slot | Task | Node | Decision | HandledRequest | AccessToken;

function put(table: Table, id: string, record: Stored): RowChange {
  return { table, id, key: rowKey(table, id), record: JSON.stringify(record) };
}

function remove(table: Table, id: string): RowChange {
  return { table, id, key: rowKey(table, id), record: null };
}

/** The row's value for a record. Pure. */
export function rowValue(table: Table, record: string): string {
  return `{"v":${STORE_FORMAT},"${table}":${record}}`;
}

/** The put of a stored row, in today's format. Pure; throws for a row that no Cube has written. */
export function fromRow(key: string, value: string): Change {
  const table = tableOfKey(key);
  if (table === null) throw new Error(`unknown row ${key}`);
  return putOf(table, parseObject(value));
}

/** The log row's value; `row` is the same change as rows see it. Pure. */
export function logValue(logged: LoggedChange, row: RowChange): string {
  const { revision, atMs, actor, text } = logged;
  const head = JSON.stringify({ v: STORE_FORMAT, revision, atMs, actor, text }).slice(0, -1);
  const body = row.record === null ? `"removed":${JSON.stringify(row.id)}` : `"${row.table}":${row.record}`;
  return `${head},"table":"${row.table}",${body}}`;
}

/** The logged change of a log row. Pure; throws for a row that no Cube has written. */
export function fromLogValue(value: string): LoggedChange {
  const parsed = parseObject(value);
  const { revision, atMs, actor, text } = parsed as unknown as LoggedChange;
  const table = tableOfKey(`${parsed.table}/`);
  if (table === null) throw new Error(`unknown table ${parsed.table} in the change log`);
  const removed = parsed.removed;
  const change =
    removed === undefined ? putOf(table, parsed) : { kind: `${table}.remove`, [REMOVED_ID[table]]: removed };
  return { revision, atMs, actor, text, change: change as Change };
}

/** The cast is sound for rows that Cube wrote: the store's digest stands for their content, `v` for their shape. */
function putOf(table: Table, parsed: Readonly<Record<string, unknown>>): Change {
  const stored = parsed[table];
  if (stored === undefined || typeof parsed.v !== "number") throw new Error(`a ${table} row without its record`);
  const record = upgradeRecord({ table, format: parsed.v, record: stored });
  return { kind: `${table}.put`, [table]: record } as unknown as Change;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new Error("a row that is no object");
  return parsed as Readonly<Record<string, unknown>>;
}
