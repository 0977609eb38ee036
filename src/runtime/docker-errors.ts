/**
 * Turns what an engine says about a failure into a Failure: its kind, and words that name the thing and the way out. The only file that knows the
 * engine's wording; Docker and podman differ in status codes, so the text decides where both are known to differ.
 */
import type { Failure, FailureKind } from "../core/failure.ts";
import { wordsOf } from "../core/failure.ts";

/** Each task runs under an init process that the engine brings along; some packages of engines leave it out. */
const NO_INIT = /docker-init|container-init|catatonit/i;
const NO_SPACE = /no space left on device/i;

const LATE = "does not answer: look at its log";

/** True for a call that was given up because its time was over: somebody listens, and says nothing. */
export function isLate(failure: Failure): boolean {
  return failure.kind === "unavailable" && failure.message.endsWith(LATE);
}

/** No answer came at all: nobody listens, or the connection broke. */
export function unreachable(place: string, error: unknown): Failure {
  const code = errorCode(error);
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError") {
    return { kind: "unavailable", message: `the container engine at ${place} ${LATE}` };
  }
  if (code === "EACCES" || code === "EPERM") {
    const way = "join the group docker, or run as a user who may";
    return { kind: "unavailable", message: `no permission for the container engine at ${place}: ${way}` };
  }
  if (code === "ENOENT" || code === "ECONNREFUSED" || code === "FailedToOpenSocket" || code === "ConnectionRefused") {
    const way = "install or start Docker, or use --runtime process";
    return { kind: "unavailable", message: `no container engine answers at ${place}: ${way}` };
  }
  return {
    kind: "unavailable",
    message: `the connection to the container engine at ${place} broke (${code || wordsOf(error)})`,
  };
}

/** An answer of 400 or more. `what` names the thing: "container cube-web-…", "image x:1". */
export function refused(what: string, status: number, body: unknown): Failure {
  const text = bodyText(body) || `status ${status}`;
  return { kind: kindOf(status, text), message: wordsFor(what, text) };
}

function kindOf(status: number, text: string): FailureKind {
  if (isImageMissing(status, text)) return "image_not_found";
  if (isPortTaken(text)) return "port_taken";
  if (isNameTaken(status, text)) return "conflict";
  if (NO_SPACE.test(text) || NO_INIT.test(text)) return "transient";
  if (isHopeless(text)) return "invalid";
  if (status === 404) return "not_found";
  if (status === 409) return "conflict";
  if (status === 400) return "invalid";
  if (status === 401 || status === 403) return "denied";
  return "transient";
}

function wordsFor(what: string, text: string): string {
  if (NO_SPACE.test(text)) return `${what}: the engine's disk is full (${text}): free space on the node`;
  if (NO_INIT.test(text))
    return `${what}: the engine lacks its init program (${text}): install tini, or catatonit for podman`;
  if (isPortTaken(text)) return `${what}: a host port is taken (${text}): choose another port, or 0 for any free one`;
  return `${what}: ${text}`;
}

/** True for a create that failed only because the node lacks the image. */
export function isImageMissing(status: number, text: string): boolean {
  return (status === 404 || status === 500) && /no such image|image not known/i.test(text);
}

/** True for a name that another container has; podman says 500. */
export function isNameTaken(status: number, text: string): boolean {
  return (status === 409 || status === 500) && /name .*(is )?already in use/i.test(text);
}

function isPortTaken(text: string): boolean {
  return /port is already allocated|address already in use|ports are not available/i.test(text);
}

/** The program, a user or a mount does not exist: no repetition helps. Docker answers 400 or 500 by version, podman 500. */
function isHopeless(text: string): boolean {
  return /executable file not found|exec: .*(no such file|permission denied|not a directory)|bind source path does not exist|unable to find (user|group)/i.test(
    text,
  );
}

/** A pull that failed, before or in its stream; only the text tells. */
export function pullFailure(reference: string, text: string): Failure {
  if (NO_SPACE.test(text)) return { kind: "transient", message: wordsFor(`image ${reference}`, text) };
  if (/toomanyrequests|rate limit/i.test(text)) {
    return {
      kind: "transient",
      message: `image ${reference}: the registry limits pulls (${text}): wait, or pull it by hand`,
    };
  }
  if (/denied|unauthorized|authentication required|forbidden/i.test(text)) {
    const way = "check the name, or log in and pull it on the node by hand";
    return {
      kind: "image_not_found",
      message: `image ${reference}: not there or not readable for this node (${text}): ${way}`,
    };
  }
  if (/manifest unknown|manifest for .* not found|not found|no such image|does not exist|unknown tag/i.test(text)) {
    return {
      kind: "image_not_found",
      message: `image ${reference}: the registry does not have it (${text}): check name and tag`,
    };
  }
  if (/invalid reference|invalid tag/i.test(text)) {
    return { kind: "invalid", message: `image ${reference}: not an image reference (${text})` };
  }
  return { kind: "transient", message: `image ${reference}: the pull failed (${text})` };
}

/** An error that dockerode threw: no answer, or an answer with a status. */
export function dockerodeFailure(place: string, what: string, error: unknown): Failure {
  const status = statusOf(error);
  return status === null ? unreachable(place, error) : refused(what, status, messageOf(error));
}

/** Status of an answer that dockerode threw; null when there was none. */
export function statusOf(error: unknown): number | null {
  const status = field(error, "statusCode");
  return typeof status === "number" ? status : null;
}

/** The engine's own words in an error that dockerode threw, without dockerode's wrapping. */
export function messageOf(error: unknown): string {
  const text = bodyText(field(error, "json")) || wordsOf(error);
  return text.replace(/^\(HTTP code \d+\) [^-]*- /, "").trim();
}

/** `message` of an answer's body, or the body itself when it is text. */
export function bodyText(body: unknown): string {
  if (typeof body === "string") return body.trim();
  const message = field(body, "message") ?? field(body, "cause");
  return typeof message === "string" ? message.trim() : "";
}

function errorCode(error: unknown): string {
  const code = field(error, "code");
  return typeof code === "string" ? code : "";
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
