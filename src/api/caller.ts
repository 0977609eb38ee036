/** Who a request is from, noted once at the door and asked for wherever it matters. */
import type { IncomingMessage } from "node:http";
import type { AccessRole } from "../core/access.ts";

/** Whoever came in. */
export interface Caller {
  /** As every change will say: `unix:<user>`, `token:<name>` … */
  readonly actor: string;
  readonly role: AccessRole;
}

const callers = new WeakMap<IncomingMessage, Caller>();

/** Notes who it is; the door's alone. */
export function noteCaller(request: IncomingMessage, caller: Caller): void {
  callers.set(request, caller);
}

/** Who it is. A request that no door has let in is a bug, and throws. */
export function callerOf(request: IncomingMessage): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error("a request reached its route without having been let in");
  return caller;
}
