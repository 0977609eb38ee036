/** The routes of /v1. Each hands over to the ClusterClient of its listener; none decides anything itself. */

import type { ServerResponse } from "node:http";
import { ClientError } from "../client/cluster-client.ts";
import { toJobSpec } from "../client/job-request.ts";
import {
  acceptedSchema,
  decisionSchema,
  eventsSchema,
  healthSchema,
  jobSchema,
  managerSchema,
  nodeSchema,
  pageSchema,
  samplesSchema,
  submittedSchema,
  taskSchema,
} from "../client/resource-schemas.ts";
import {
  decisionsQuerySchema,
  type EventsQuery,
  eventsQuerySchema,
  jobsQuerySchema,
  logsQuerySchema,
  nodesQuerySchema,
  noQuerySchema,
  removeNodeQuerySchema,
  submitSchema,
  tasksQuerySchema,
} from "../client/schemas.ts";
import type { Availability } from "../core/node.ts";
import { streamEvents } from "./event-stream.ts";
import { streamLogs } from "./log-stream.ts";
import { NODE_ROUTES } from "./node-routes.ts";
import { type Route, type RouteAnswer, type RouteCall, route } from "./route.ts";
import { TOKEN_ROUTES } from "./token-routes.ts";
import { streamWatch } from "./watch-stream.ts";

/** Every route, in the order in which the document lists them. */
export const ROUTES: readonly Route[] = [
  route({
    method: "get",
    path: "/v1/jobs",
    summary: "Jobs, oldest first",
    needs: "view",
    query: jobsQuerySchema,
    answers: { 200: pageSchema(jobSchema) },
    handle: async ({ context, query }) => json(await context.client.jobs(query)),
  }),
  route({
    method: "post",
    path: "/v1/jobs",
    summary: "Submits a job: of services, or a lone task in short",
    needs: "operate",
    query: noQuerySchema,
    body: submitSchema,
    answers: { 201: submittedSchema, 200: submittedSchema },
    handle: async ({ context, body: { id, ...request }, key }) => {
      const options = { ...(id !== undefined && { id: id.toLowerCase() }), idempotencyKey: key };
      const submitted = await context.client.submit(toJobSpec(request), options);
      return { status: submitted.created ? 201 : 200, json: submitted };
    },
  }),
  route({
    method: "get",
    path: "/v1/jobs/{ref}",
    summary: "One job, by id, unique prefix or name",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: jobSchema },
    handle: async ({ context, ref }) => json(await context.client.job(ref)),
  }),
  route({
    method: "delete",
    path: "/v1/jobs/{ref}",
    summary: "Stops a job and removes its records",
    needs: "operate",
    query: noQuerySchema,
    answers: { 204: null },
    handle: async ({ context, ref }) => {
      await context.client.remove(ref);
      return { status: 204 };
    },
  }),
  jobAction("stop", "Ends a job's tasks; its records stay", (call) => call.context.client.stop(call.ref)),
  jobAction("start", "Starts a stopped or ended job again", (call) => call.context.client.start(call.ref)),
  jobAction("restart", "Restarts every task of a job", (call) => call.context.client.restart(call.ref)),
  route({
    method: "get",
    path: "/v1/tasks",
    summary: "Tasks, oldest first; old attempts only with history",
    needs: "view",
    query: tasksQuerySchema,
    answers: { 200: pageSchema(taskSchema) },
    handle: async ({ context, query }) => json(await context.client.tasks(query)),
  }),
  route({
    method: "get",
    path: "/v1/tasks/{ref}",
    summary: "One task, by id, unique prefix, or its job's name",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: taskSchema },
    handle: async ({ context, ref }) => json(await context.client.task(ref)),
  }),
  route({
    method: "post",
    path: "/v1/tasks/{ref}/restart",
    summary: "Restarts one task",
    needs: "operate",
    query: noQuerySchema,
    answers: { 200: jobSchema },
    handle: (call) =>
      once(call, async ({ context, ref }) => context.client.restart((await context.client.task(ref)).id)),
  }),
  route({
    method: "get",
    path: "/v1/tasks/{ref}/logs",
    summary: "A task's output as lines of JSON, or as text/plain",
    needs: "view",
    query: logsQuerySchema,
    answers: { 200: "application/x-ndjson" },
    handle: async ({ context, ref, query, http }) => {
      const task = await context.client.task(ref);
      const options = { follow: query.follow, tail: query.tail, sinceMs: query.since };
      await streamLogs({ ...http, follow: query.follow }, (signal) => context.client.logs(task.id, options, signal));
      return "sent";
    },
  }),
  route({
    method: "get",
    path: "/v1/tasks/{ref}/decision",
    summary: "The newest scheduling decision on a task",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: decisionSchema },
    handle: async ({ context, ref }) => json(await context.client.decision(ref)),
  }),
  route({
    method: "get",
    path: "/v1/nodes",
    summary: "Nodes, by name",
    needs: "view",
    query: nodesQuerySchema,
    answers: { 200: pageSchema(nodeSchema) },
    handle: async ({ context, query }) => json(await context.client.nodes(query)),
  }),
  route({
    method: "get",
    path: "/v1/nodes/{ref}",
    summary: "One node, by id, unique prefix or name",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: nodeSchema },
    handle: async ({ context, ref }) => json(await context.client.node(ref)),
  }),
  nodeAction("cordon", "Keeps new tasks off a node", "cordoned"),
  nodeAction("uncordon", "Lets a node take tasks again", "eligible"),
  nodeAction(
    "drain",
    "Keeps new tasks off a node, which is to be emptied; what runs there stays until it ends or is stopped",
    "draining",
  ),
  route({
    method: "post",
    path: "/v1/nodes/trust-loss",
    summary: "Says that the nodes that are out are really gone: their tasks are replaced",
    needs: "admin",
    query: noQuerySchema,
    answers: { 202: acceptedSchema },
    handle: async ({ context }) => {
      await context.client.trustLoss();
      return { status: 202, json: { accepted: true } };
    },
  }),
  route({
    method: "delete",
    path: "/v1/nodes/{ref}",
    summary: "Takes a node out of the cluster; what ran there is lost and replaced",
    needs: "admin",
    query: removeNodeQuerySchema,
    answers: { 204: null },
    handle: async ({ context, ref, query }) => {
      await context.client.removeNode(ref, query);
      return { status: 204 };
    },
  }),
  ...NODE_ROUTES,
  ...TOKEN_ROUTES,
  route({
    method: "get",
    path: "/v1/metrics",
    summary: "The newest sample of every node",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: samplesSchema },
    handle: async ({ context }) => json(await context.client.metrics()),
  }),
  route({
    method: "get",
    path: "/v1/decisions",
    summary: "Scheduling decisions, newest first",
    needs: "view",
    query: decisionsQuerySchema,
    answers: { 200: pageSchema(decisionSchema) },
    handle: async ({ context, query }) => json(await context.client.decisions(query)),
  }),
  route({
    method: "get",
    path: "/v1/decisions/{ref}",
    summary: "The newest scheduling decision on a task",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: decisionSchema },
    handle: async ({ context, ref }) => json(await context.client.decision(ref)),
  }),
  route({
    method: "get",
    path: "/v1/events",
    summary:
      "Events above a revision; a stream with Accept: text/event-stream or ?stream=1, gapless or with an explicit resync",
    needs: "view",
    query: eventsQuerySchema,
    answers: { 200: eventsSchema },
    handle: events,
  }),
  route({
    method: "get",
    path: "/v1/watch",
    summary: "A snapshot and everything that changes, as server-sent events named snapshot, event, metrics and manager",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: "text/event-stream" },
    handle: async ({ context, http }) => {
      streamWatch(context.client, http);
      return "sent";
    },
  }),
  route({
    method: "get",
    path: "/v1/manager",
    summary: "Which manager this is and how it is",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: managerSchema },
    handle: async ({ context }) => json(await context.client.manager()),
  }),
  route({
    method: "get",
    path: "/v1/health",
    summary: "Whether the manager takes commands: 200, or 503 with the reason",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: healthSchema, 503: healthSchema },
    handle: async ({ context }) => {
      const { health, problem, workerProblem, revision } = await context.client.manager();
      const worker = workerProblem === undefined ? {} : { workerProblem };
      return { status: health === "ok" ? 200 : 503, json: { health, problem, ...worker, revision } };
    },
  }),
  route({
    method: "post",
    path: "/v1/shutdown",
    summary: "Asks the manager to end; tasks stay as they are",
    needs: "admin",
    query: noQuerySchema,
    answers: { 202: acceptedSchema },
    handle: async ({ context, http }) => {
      // The answer has to be on its way before the process that gives it ends.
      afterAnswer(http.response, () => void context.client.shutdown());
      return { status: 202, json: { accepted: true } };
    },
  }),
];

/** Runs once the answer is out, or its reader gone. */
function afterAnswer(response: ServerResponse, run: () => void): void {
  let ran = false;
  for (const event of ["finish", "close"]) {
    response.once(event, () => {
      if (!ran) run();
      ran = true;
    });
  }
}

function json(value: unknown): RouteAnswer {
  return { status: 200, json: value };
}

/** The answer to a POST, given once for each key. */
async function once(
  call: RouteCall<unknown, unknown>,
  run: (call: RouteCall<unknown, unknown>) => Promise<unknown>,
): Promise<RouteAnswer> {
  const { context, key, http } = call;
  const scoped = key === "" ? "" : `${context.actor}/${key}`;
  return json(await context.answers.once(scoped, `POST ${http.request.url ?? ""}`, () => run(call)));
}

function jobAction(
  action: "stop" | "start" | "restart",
  summary: string,
  run: (call: RouteCall<unknown, unknown>) => Promise<unknown>,
): Route {
  return route({
    method: "post",
    path: `/v1/jobs/{ref}/${action}`,
    summary,
    needs: "operate",
    query: noQuerySchema,
    answers: { 200: jobSchema },
    handle: (call) => once(call, run),
  });
}

function nodeAction(action: string, summary: string, availability: Availability): Route {
  return route({
    method: "post",
    path: `/v1/nodes/{ref}/${action}`,
    summary,
    needs: "operate",
    query: noQuerySchema,
    answers: { 200: nodeSchema },
    handle: (call) => once(call, ({ context, ref }) => context.client.setAvailability(ref, availability)),
  });
}

async function events(call: RouteCall<EventsQuery, null>): Promise<RouteAnswer> {
  const { context, query, http } = call;
  const { headers } = http.request;
  const wantsStream = query.stream ?? (headers.accept ?? "").includes("text/event-stream");
  if (!wantsStream) {
    const { since, limit } = query;
    return json(
      await context.client.events({ ...(since !== undefined && { since }), ...(limit !== undefined && { limit }) }),
    );
  }
  streamEvents(context, http, lastEventId(headers["last-event-id"]) ?? query.since ?? null);
  return "sent";
}

/** Set by a reader that comes back by itself; it is newer than the address that it began with. */
function lastEventId(header: string | readonly string[] | undefined): number | null {
  if (header === undefined || header === "") return null;
  const revision = Number(header);
  if (Number.isSafeInteger(revision) && revision >= 0) return revision;
  throw new ClientError("invalid", "Last-Event-ID: not a revision");
}
