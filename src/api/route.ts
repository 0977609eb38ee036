/** What a route of /v1 is: one value that the router serves and the OpenAPI document describes, so that the two cannot differ. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClusterClient } from "../client/cluster-client.ts";
import type { Schema } from "../client/json-schema.ts";
import type { AccessRole } from "../core/access.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import type { IdempotentAnswers } from "./idempotency.ts";
import type { NodeSight } from "./node-view.ts";
import type { ProcessFigures } from "./prometheus.ts";

/** What every route may use. Made for each request, as each has an actor of its own. */
export interface ApiContext {
  readonly client: ClusterClient;
  readonly access: ManagerAccess;
  /** What is seen of nodes beyond their records, looked at anew. */
  readonly sight: () => NodeSight;
  readonly answers: IdempotentAnswers;
  readonly figures: () => Promise<ProcessFigures>;
  /** Who asks, for keys of repeats. */
  readonly actor: string;
}

/** One request to one route, with everything already checked. */
export interface RouteCall<Query, Body> {
  readonly context: ApiContext;
  /** The `{ref}` of the path. */
  readonly ref: string;
  readonly query: Query;
  readonly body: Body;
  /** The Idempotency-Key; "" for none. */
  readonly key: string;
  readonly http: { readonly request: IncomingMessage; readonly response: ServerResponse };
}

/** What a route answers: JSON, text, nothing, or `sent` when it wrote to the response itself. */
export type RouteAnswer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly text: string }
  | { readonly status: 204 }
  | "sent";

/** A route as served and as documented. */
export interface Route {
  readonly method: "get" | "post" | "delete";
  /** With `{ref}` where it has one. */
  readonly path: string;
  readonly summary: string;
  /** The least role that may ask it; enforced at the door (admission.ts), before the route is reached. */
  readonly needs: AccessRole;
  readonly query: Schema;
  readonly body: Schema | null;
  /** What a success answers, by status. A text is a media type other than JSON. */
  readonly answers: Readonly<Record<number, Schema | string | null>>;
  handle(call: RouteCall<unknown, unknown>): Promise<RouteAnswer>;
}

/** Makes a route; its handler sees query and body with the types of their schemas. */
export function route<Query, Body = null>(
  of: Omit<Route, "handle" | "query" | "body"> & {
    readonly query: Schema<Query>;
    readonly body?: Schema<Body>;
    readonly handle: (call: RouteCall<Query, Body>) => Promise<RouteAnswer>;
  },
): Route {
  const { handle, body = null, ...rest } = of;
  // The router calls it with values that these very schemas have read.
  return { ...rest, body, handle: (call) => handle(call as RouteCall<Query, Body>) };
}
