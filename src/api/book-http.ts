/** The book's answers: PascalCase JSON for a success, a body for a refusal, nothing for a 404 or 405, as its Go servers write them. Paths match with and without a slash at the end. */
import type { IncomingMessage } from "node:http";
import { type BookEvent, DecodeError, decodeEvent } from "../client/book-decode.ts";
import { ClientError } from "../client/cluster-client.ts";
import { loneProblems, type Problem } from "../client/job-limits.ts";
import { readBody } from "./body.ts";
import { asClientError, statusOf } from "./http-errors.ts";
import { parseJson } from "./json.ts";

/** A request that is refused with a body. */
export class BookRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** JSON as Go's encoder ends it. */
export function bookJson(status: number, value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, { status, headers: { "content-type": "application/json" } });
}

/** An answer without a body. */
export function bookEmpty(status: number): Response {
  return new Response(null, { status });
}

/** Runs a route and turns what it throws into the book's answer. */
export async function bookAnswer(run: () => Promise<Response>): Promise<Response> {
  try {
    return await run();
  } catch (thrown) {
    const refusal = asRefusal(thrown);
    if (refusal.status === 404) return bookEmpty(404);
    return bookJson(refusal.status, { HTTPStatusCode: refusal.status, Message: refusal.message });
  }
}

/** The TaskEvent of a body. Throws BookRefusal of 400 (413 for one that is too large). */
export async function readEvent(request: IncomingMessage, unknownFields: "refuse" | "accept"): Promise<BookEvent> {
  try {
    const text = await readBody(request);
    if (text.trim() === "") throw new DecodeError("EOF");
    return decodeEvent(parseJson(text), { unknownFields });
  } catch (error) {
    if (error instanceof DecodeError || (error instanceof ClientError && error.code === "invalid"))
      throw badBody(error);
    throw error;
  }
}

/** A refusal of a task that the book's JSON allows and Cube does not. */
export function badTask(problems: readonly Problem[]): BookRefusal {
  const words = loneProblems(problems).map(({ path, message }) => `${path}: ${message}`);
  return new BookRefusal(400, `Error in task: ${words.join("; ")}\n`);
}

/** In the book's words, whatever was wrong with the body. */
export function badBody(error: Error): BookRefusal {
  return new BookRefusal(400, `Error unmarshalling body: ${error.message}\n`);
}

function asRefusal(thrown: unknown): BookRefusal {
  if (thrown instanceof BookRefusal) return thrown;
  const error = asClientError(thrown);
  return new BookRefusal(statusOf(error), error.hint ? `${error.message}: ${error.hint}\n` : `${error.message}\n`);
}
