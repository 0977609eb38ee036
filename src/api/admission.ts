/**
 * The one place where it is decided who may do what: every request of every listener comes by here before anything of it is served, whether it is a route, a stream
 * of events or logs, a command in a task or the book's API.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ClientError } from "../client/cluster-client.ts";
import { type AccessRole, allows } from "../core/access.ts";
import { type Caller, noteCaller } from "./caller.ts";
import { bearerOf, type Entry, guard, secretsEqual } from "./guard.ts";
import { MethodNotAllowed } from "./http-errors.ts";
import { methodsOf, neededRole } from "./permissions.ts";
import type { TokenList } from "./token-list.ts";

/** How one listener is entered, and by whom. */
export interface Door {
  readonly entry: (request: IncomingMessage) => Entry;
  /** Actor of whoever needs no token of their own: the socket's user, the holder of the file's token, the book's reader. */
  readonly actor: string;
  readonly tokens: TokenList;
}

/** Lets a request in and notes who it is from, or throws ClientError `forbidden`, `unauthorized`, `not_found` or `too_large`, or MethodNotAllowed. */
export function admit(request: IncomingMessage, door: Door): Caller {
  guard(request, door.entry(request));
  const caller = identify(request, door);
  authorise(request, caller.role);
  noteCaller(request, caller);
  return caller;
}

/** True for a request that came through TLS. */
export function isEncrypted(request: IncomingMessage): boolean {
  return (request.socket as Socket & { readonly encrypted?: boolean }).encrypted === true;
}

function identify(request: IncomingMessage, { entry, actor, tokens }: Door): Caller {
  const at = entry(request);
  if (at.kind === "unix" || (at.kind === "tcp" && at.token === null)) return { actor, role: "admin" };
  const secret = bearerOf(request.headers.authorization ?? "");
  if (at.kind === "tcp" && at.token !== null && secretsEqual(secret, at.token)) return { actor, role: "admin" };
  const token = tokens.find(secret);
  if (!token) throw unauthorized(at);
  tokens.used(token.name, request.socket, Date.now());
  return { actor: `token:${token.name}`, role: token.role };
}

function authorise(request: IncomingMessage, role: AccessRole): void {
  if (role === "admin") return;
  const { method = "GET", url = "/" } = request;
  const needed = neededRole(method, url);
  if (needed === null) {
    const methods = methodsOf(url);
    if (methods.length > 0) throw new MethodNotAllowed(methods.join(", "));
    throw new ClientError("not_found", `no such path: ${method} ${url}`, "/v1/openapi.json lists them");
  }
  if (allows(role, needed)) return;
  throw new ClientError(
    "forbidden",
    `this needs the role ${needed}; the token in use has the role ${role}`,
    `use a token with the role ${needed}: cube token create NAME --role ${needed}`,
  );
}

function unauthorized(entry: Entry): ClientError {
  const way =
    entry.kind === "tls"
      ? "send Authorization: Bearer <secret of a token>; `cube token create NAME` on the manager's machine makes one"
      : "send Authorization: Bearer <content of api-token in the data directory>";
  return new ClientError("unauthorized", "a valid token is needed", way);
}
