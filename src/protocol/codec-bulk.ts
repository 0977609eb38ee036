/**
 * What goes over the bulk socket of a node: streams of output, commands in tasks and the engine's view of them. Only ever asked for by the manager; each stream has
 * an id, credit in bytes for each direction, and an end or a reset. Frames are JSON; data goes in binary frames of a kind, an id and the bytes.
 */
import { z } from "zod";
import { type Failure, type FailureKind, fail, ok, type Result } from "../core/failure.ts";
import { misfit, parseWire } from "./codec-json.ts";
import { MAX_MESSAGE_BYTES } from "./messages.ts";

const id = z.int().nonnegative().max(0xffffffff);
const taskId = z.string().max(256);
const text = z.string();
const size = z.int().nonnegative();

const FAILURE_KINDS = [
  "unavailable",
  "image_not_found",
  "invalid",
  "denied",
  "conflict",
  "port_taken",
  "not_found",
  "transient",
  "aborted",
] as const satisfies readonly FailureKind[];

const failure: z.ZodType<Failure> = z.strictObject({ kind: z.enum(FAILURE_KINDS), message: text });

const credit = z.strictObject({ kind: z.literal("credit"), id, bytes: size });
const reset = z.strictObject({ kind: z.literal("reset"), id });

const ask = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("logs"),
    id,
    taskId,
    query: z.strictObject({ follow: z.boolean(), tail: size.nullable(), sinceMs: z.number().nullable() }),
  }),
  z.strictObject({
    kind: z.literal("exec"),
    id,
    taskId,
    request: z.strictObject({
      command: z.array(text).min(1),
      tty: z.boolean(),
      stdin: z.boolean(),
      columns: size,
      rows: size,
    }),
  }),
  z.strictObject({ kind: z.literal("inspect"), id, taskId }),
  z.strictObject({ kind: z.literal("end"), id }),
  z.strictObject({ kind: z.literal("resize"), id, columns: size, rows: size }),
  credit,
  reset,
]);

const answer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("started"), id }),
  z.strictObject({ kind: z.literal("inspected"), id, value: z.unknown() }),
  z.strictObject({ kind: z.literal("end"), id, code: z.int().nullable() }),
  z.strictObject({ kind: z.literal("failed"), id, failure }),
  credit,
  reset,
]);

const logChunk = z.strictObject({ stream: z.enum(["stdout", "stderr"]), atMs: z.number(), text });

/** From manager to worker. `end`: no more input. `reset`: the stream is of no interest any more. */
export type BulkAsk = z.infer<typeof ask>;
/** From worker to manager. `end`: all output has come; the code is a command's. `failed`: it ended by an error. */
export type BulkAnswer = z.infer<typeof answer>;
/** One piece of a task's output. */
export type BulkLogChunk = z.infer<typeof logChunk>;

/** What a binary frame carries. */
export const BULK_DATA = { stdin: 0, stdout: 1, stderr: 2, log: 3 } as const;

/** Bytes that each side may send on a stream before the other has taken them. */
export const BULK_WINDOW_BYTES = 256 * 1024;
/** Bytes of one binary frame's content. */
export const BULK_CHUNK_BYTES = 64 * 1024;
/** Streams on one bulk socket at a time. */
export const MAX_BULK_STREAMS = 256;

/** A binary frame taken apart. */
export interface BulkData {
  readonly type: number;
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** What a manager asked. Fails with `invalid`. */
export function readBulkAsk(wire: string): Result<BulkAsk> {
  return read(wire, ask);
}

/** What a worker answered. Fails with `invalid`. */
export function readBulkAnswer(wire: string): Result<BulkAnswer> {
  return read(wire, answer);
}

/** The content of a `log` frame. Fails with `invalid`. */
export function readLogChunk(wire: string): Result<BulkLogChunk> {
  return read(wire, logChunk);
}

/** A binary frame: one byte of kind, four of id, the content. */
export function writeBulkData({ type, id: stream, bytes }: BulkData): Uint8Array {
  const frame = new Uint8Array(5 + bytes.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(1, stream);
  frame.set(bytes, 5);
  return frame;
}

/** A binary frame taken apart. Fails with `invalid` for one that is too short or of no known kind. */
export function readBulkData(frame: Uint8Array): Result<BulkData> {
  const type = frame[0] ?? -1;
  if (frame.length < 5 || type > BULK_DATA.log) return fail("invalid", "a binary frame that is none");
  const stream = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(1);
  return ok({ type, id: stream, bytes: frame.subarray(5) });
}

function read<T>(wire: string, schema: z.ZodType<T>): Result<T> {
  const value = parseWire(wire, MAX_MESSAGE_BYTES);
  if (!value.ok) return value;
  const parsed = schema.safeParse(value.value);
  return parsed.success ? ok(parsed.data) : misfit(parsed.error.issues[0]);
}
