/** Errors as HTTP says them: a status and the body of /v1. */
import type { ServerResponse } from "node:http";
import { ClientError } from "../client/cluster-client.ts";
import type { ErrorResource } from "../client/resources.ts";

const STATUS: Readonly<Record<string, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  read_only: 503,
  unavailable: 503,
  timeout: 408,
};

/** A path that takes other methods, which the Allow header names. */
export class MethodNotAllowed extends ClientError {
  readonly allow: string;
  /** `allow` as in the header: `GET, POST`. */
  constructor(allow: string) {
    super("method_not_allowed", "this path does not take that method", `it takes ${allow}`);
    this.allow = allow;
  }
}

/** The header that goes with such an error; none with others. */
export function allowHeader(error: ClientError): { readonly allow?: string } {
  return error instanceof MethodNotAllowed ? { allow: error.allow } : {};
}

/** The status of an error code; 500 for one that nobody foresaw. */
export function statusOf(error: ClientError): number {
  return STATUS[error.code] ?? 500;
}

/** Anything thrown as a ClientError: what is none is a bug, whose words go to the log and not to the caller. */
export function asClientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  return new ClientError("internal", "something went wrong inside the manager", "its log file says more", error);
}

/** The body of an error. */
export function errorBody(error: ClientError): ErrorResource {
  return { error: { code: error.code, message: error.message, hint: error.hint } };
}

/** Answers on the bare response, for what is refused before any route. The connection ends: its body, if any, was not read. */
export function refuse(response: ServerResponse, error: ClientError): void {
  const body = `${JSON.stringify(errorBody(error))}\n`;
  response.writeHead(statusOf(error), {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
    ...(error.code === "unauthorized" && { "www-authenticate": "Bearer" }),
    ...allowHeader(error),
  });
  response.end(body);
}
