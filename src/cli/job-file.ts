/** The file of `cube run -f`: a book TaskEvent or a request of the versioned API, both JSON. Every mistake is named with the file, and with its place in it. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DecodeError, decodeEvent } from "../client/book-decode.ts";
import { BOOK_STATE, bookJob, bookJobId } from "../client/book-job.ts";
import { ClientError } from "../client/cluster-client.ts";
import { jobProblems, loneProblems, refuseProblems } from "../client/job-limits.ts";
import { defaultName, type JobRequest, toJobSpec } from "../client/job-request.ts";
import { fileReason } from "../config/file-reason.ts";
import { isObject } from "../core/json.ts";
import { findJsonMistake } from "../core/json-mistake.ts";
import type { JobSpec } from "../core/spec.ts";
import { UsageError } from "./cli-error.ts";

/** Largest file that is read: the API takes no larger body. */
const MAX_BYTES = 3 * 1024 * 1024;

/** What a file asks for. */
export interface FileRequest {
  readonly spec: JobSpec;
  /** The user's own id; "" for none. */
  readonly id: string;
  /** True for a book event with state Completed: a task of that id that is there already is to be stopped. */
  readonly stop: boolean;
}

/** Reads the file at a path, relative to `cwd`; `-` is standard input, read through `readStdin`. Throws UsageError. */
export async function readJobFile(
  path: string,
  at: { cwd: string; readStdin: () => Promise<string> },
): Promise<FileRequest> {
  const text = path === "-" ? await at.readStdin() : readText(resolve(at.cwd, path), path);
  const shown = path === "-" ? "standard input" : path;
  const value = parseJson(text, shown);
  try {
    return isBookEvent(value) ? bookRequest(value) : await versionedRequest(value);
  } catch (error) {
    if (error instanceof DecodeError) throw new UsageError(`${shown}: ${error.plain}`, error.hint);
    if (error instanceof ClientError) throw new UsageError(`${shown}: ${error.message}`, error.hint);
    throw error;
  }
}

/** A file's text; `shown` is what people call it. Throws UsageError. */
export function readText(path: string, shown: string, maxBytes: number = MAX_BYTES): string {
  try {
    const { size } = statSync(path);
    if (size > maxBytes) throw new UsageError(`${shown} is too large: ${size} bytes, at most ${maxBytes}`);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${shown}: ${fileReason((error as NodeJS.ErrnoException).code)}`);
  }
}

/** The object in a JSON text, `what` in words. Throws UsageError that names line and column of a mistake. */
export function parseJson(text: string, shown: string, what = "a task event or a job"): object {
  if (text.trim() === "") throw new UsageError(`${shown} is empty`, `it holds ${what} as JSON`);
  const mistake = findJsonMistake(text);
  if (mistake !== null)
    throw new UsageError(`${shown}:${mistake.line}:${mistake.column} is not JSON: expected ${mistake.expected}`);
  const value: unknown = JSON.parse(text);
  if (isObject(value)) return value;
  throw new UsageError(`${shown} must hold one JSON object: ${what}`);
}

/** True for an object that is meant as the book's TaskEvent: it has a Task, in any case of letters, as Go reads keys. */
function isBookEvent(value: object): boolean {
  return Object.keys(value).some((key) => key.toLowerCase() === "task");
}

function bookRequest(value: object): FileRequest {
  const event = decodeEvent(value, { unknownFields: "refuse" });
  const spec = bookJob(event.Task);
  refuseProblems(loneProblems(jobProblems(spec)));
  return { spec, id: bookJobId(event.Task), stop: event.State === BOOK_STATE.Completed };
}

/** The schema library is only loaded here: no other command needs it. */
async function versionedRequest(value: unknown): Promise<FileRequest> {
  const { parse, submitSchema } = await import("../client/schemas.ts");
  const { id = "", ...request } = parse(submitSchema, value);
  return { spec: toJobSpec(withName(request)), id, stop: false };
}

function withName(request: JobRequest): JobRequest {
  if (request.name !== undefined || request.services !== undefined) return request;
  return { ...request, name: defaultName(request) };
}
