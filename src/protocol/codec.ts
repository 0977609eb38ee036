/**
 * Messages as text and back. Everything that comes over a link is checked here, once, and what does not fit is a failure with words, never an exception.
 * Strict: a field or message that this version does not know is refused, because a newer peer speaks the version that was agreed on. Only `open`, by which the
 * versions are agreed, may carry fields of a later time; they are left out. To be used by hosts only.
 */
import { z } from "zod";
import { ok, type Result } from "../core/failure.ts";
import { misfit, parseWire } from "./codec-json.ts";
import { assignmentSchema, factSchema, managerSchema, metricsSchema, nodeFactsSchema } from "./codec-records.ts";
import {
  MAX_GREETING_BYTES,
  MAX_WHOLE_BYTES,
  type ManagerMessage,
  type SessionMessage,
  type WorkerMessage,
} from "./messages.ts";

/** More openings of a store than this nobody tells. */
const MAX_OPENINGS = 256;

const text = z.string();
const count = z.int().nonnegative();
const range = z.object({ min: count, max: count });
const nonce = z.string().regex(/^[0-9a-f]{64}$/);

const refused = z.strictObject({ kind: z.literal("refused"), reason: text });
const bulk = z.strictObject({ kind: z.literal("bulk"), nonce });
const open = { kind: z.literal("open"), protocol: range, nonce } as const;

const workerFrame: z.ZodType<WorkerMessage | SessionMessage> = z.discriminatedUnion("kind", [
  z.object({ ...open, from: z.literal("worker"), machineId: text.max(256), processId: text.max(256) }),
  z.strictObject({ kind: z.literal("proof"), mac: nonce, membership: nonce.exactOptional() }),
  refused,
  bulk,
  z.strictObject({
    kind: z.literal("hello"),
    protocol: z.strictObject({ min: count, max: count }),
    facts: nodeFactsSchema,
    bootId: text,
    setNumber: count,
    seen: managerSchema.nullable(),
  }),
  z.strictObject({
    kind: z.literal("report"),
    number: count,
    full: z.boolean(),
    facts: z.array(factSchema),
    removed: z.array(text),
  }),
  z.strictObject({
    kind: z.literal("heartbeat"),
    metrics: metricsSchema.nullable(),
    progress: z.array(z.strictObject({ taskId: text, text })),
  }),
  z.strictObject({ kind: z.literal("facts"), facts: nodeFactsSchema }),
  z.strictObject({
    kind: z.literal("held"),
    held: z.array(z.strictObject({ assignment: assignmentSchema, fact: factSchema })),
    strays: z.array(factSchema),
    last: z.boolean(),
  }),
]);

const managerFrame: z.ZodType<ManagerMessage | SessionMessage> = z.discriminatedUnion("kind", [
  z.object({ ...open, from: z.literal("manager"), enrol: z.boolean(), manager: managerSchema.nullable() }),
  z.strictObject({ kind: z.literal("joined"), protocol: count, membership: nonce.exactOptional() }),
  refused,
  bulk,
  z.strictObject({
    kind: z.literal("welcome"),
    manager: managerSchema,
    past: z
      .array(z.strictObject({ term: count, revision: count, mark: text }))
      .max(MAX_OPENINGS)
      .exactOptional(),
    protocol: count,
    heartbeatMs: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal("assignments"),
    manager: managerSchema,
    number: count,
    base: count,
    put: z.array(assignmentSchema),
    remove: z.array(text),
  }),
  z.strictObject({ kind: z.literal("ack"), number: count }),
  z.strictObject({ kind: z.literal("tell") }),
]);

/** Whether the peer has been let in already: before that it may say far less at a time. */
type Standing = "stranger" | "peer";

/** What a worker said. Fails with `invalid`. */
export function readWorkerFrame(wire: string, from: Standing): Result<WorkerMessage | SessionMessage> {
  return read(wire, from, workerFrame);
}

/** What a manager said. Fails with `invalid`. */
export function readManagerFrame(wire: string, from: Standing): Result<ManagerMessage | SessionMessage> {
  return read(wire, from, managerFrame);
}

/** A message as it goes over the wire. */
export function writeFrame(frame: WorkerMessage | ManagerMessage | SessionMessage): string {
  return JSON.stringify(frame);
}

function read<T>(wire: string, from: Standing, schema: z.ZodType<T>): Result<T> {
  const value = parseWire(wire, from === "stranger" ? MAX_GREETING_BYTES : MAX_WHOLE_BYTES);
  if (!value.ok) return value;
  const parsed = schema.safeParse(value.value);
  return parsed.success ? ok(parsed.data) : misfit(parsed.error.issues[0]);
}
