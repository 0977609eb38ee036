// /v1 as HTTP: statuses, keys of repeats, the document, and the streams of events with their gaps and slow readers.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { eventsOf } from "../../src/client/lines.ts";
import {
  decisionSchema,
  errorSchema,
  eventsSchema,
  healthSchema,
  jobSchema,
  managerSchema,
  nodeSchema,
  pageSchema,
  samplesSchema,
  submittedSchema,
  taskSchema,
} from "../../src/client/resource-schemas.ts";
import { lone, until } from "../contract/cluster-client-behind.ts";
import { ask, type Served, serve, TOKEN } from "./served.ts";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.end());

const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  ask(served, path, { method: "POST", headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
const json = async (path: string): Promise<unknown> => (await ask(served, path)).json();
const errorOf = async (answer: Response): Promise<{ code: string; message: string; hint: string }> =>
  errorSchema.parse(await answer.json()).error;

describe("api: /v1", () => {
  test("a lone task is submitted in short, and every answer is as the schemas say", async () => {
    const created = await post("/v1/jobs", {
      name: "web",
      image: "nginx:1",
      cpus: 0.5,
      memory: "512m",
      ports: ["8080:80"],
      stopGrace: "5s",
    });
    expect(created.status).toBe(201);
    const { job } = submittedSchema.parse(await created.json());
    const node = served.manager.addNode("n1");
    served.manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
    pageSchema(jobSchema).parse(await json("/v1/jobs?limit=5"));
    pageSchema(taskSchema).parse(await json("/v1/tasks?history=1&state=running&job=web&node=n1"));
    pageSchema(nodeSchema).parse(await json("/v1/nodes"));
    pageSchema(decisionSchema).parse(await json("/v1/decisions"));
    eventsSchema.parse(await json("/v1/events?since=0"));
    managerSchema.parse(await json("/v1/manager"));
    healthSchema.parse(await json("/v1/health"));
    samplesSchema.parse(await json("/v1/metrics"));
    taskSchema.parse(await json("/v1/tasks/web"));
    nodeSchema.parse(await json("/v1/nodes/n1"));
  });

  test("statuses say what happened", async () => {
    const id = "266592cd-960d-4091-981c-8c25c44b1018";
    const body = { id, name: "web", image: "a" };
    expect([(await post("/v1/jobs", body)).status, (await post("/v1/jobs", body)).status]).toEqual([201, 200]);
    expect((await post("/v1/jobs/web/stop")).status).toBe(200);
    expect((await ask(served, "/v1/jobs/web", { method: "DELETE" })).status).toBe(204);
    expect((await ask(served, "/v1/jobs/web")).status).toBe(404);
    expect((await ask(served, "/v1/nothing")).status).toBe(404);
    const wrong = await ask(served, "/v1/jobs/web", { method: "PUT" });
    expect([wrong.status, wrong.headers.get("allow"), (await errorOf(wrong)).code]).toEqual([
      405,
      "GET, DELETE",
      "method_not_allowed",
    ]);
    expect((await ask(served, "/v1/watch", { method: "HEAD" })).status).toBe(405);
    served.manager.setHealth("read-only", "full");
    expect((await ask(served, "/v1/health")).status).toBe(503);
    expect((await post("/v1/jobs", { name: "x", image: "a" })).status).toBe(503);
  });

  test("wrong requests are refused with the path of the problem and the nearest word", async () => {
    const cases: [unknown, string, string][] = [
      [{ name: "web", imgae: "a" }, "imgae: unknown", 'did you mean "image"?'],
      [{ name: "web", image: 5 }, "image: Invalid input: expected string, received number", ""],
      [
        { name: "web", services: [{ image: "a", memmory: 5 }] },
        "services[0].memmory: unknown",
        'did you mean "memory"?',
      ],
      [
        { name: "web", image: "a", memory: -5 },
        'memory: -5 is impossible: a whole number from 0 to 2^53, or a size such as "512m"',
        "",
      ],
      [{ name: "web", image: "a", memory: "12x" }, 'memory: "12x" is impossible', ""],
      [{ name: "web", image: "a", memory: 2 ** 53 }, "memory: 9007199254740992 is impossible", ""],
      [{ name: "web", image: "a", memory: "5m" }, "resources.memoryBytes: 5242880 bytes are too few", ""],
      [{ name: "web", image: "a", restart: "never" }, "restart: ", ""],
      [{ name: "web", image: "a", ports: [{ hostPort: 1 }] }, "ports[0].containerPort: ", ""],
      [{ name: "web", image: "a", count: 10_001 }, "count: a whole number from 0 to 10000", ""],
      [{ name: "web", image: "a", labels: { a: 5 } }, "labels.a: ", ""],
      [{ name: "Web!", image: "a" }, 'name: "Web!" cannot be a name', ""],
      [{ name: "web", image: "a", id: "5" }, "id: Invalid UUID", ""],
    ];
    for (const [body, message, hint] of cases) {
      const answer = await post("/v1/jobs", body);
      expect([answer.status, await errorOf(answer)]).toEqual([
        400,
        { code: "invalid", message: expect.stringContaining(message), hint },
      ]);
    }
    expect(served.manager.commands).toEqual([]);
  });

  test("queries are checked too", async () => {
    for (const query of ["limit=0", "limit=x", "limt=5", "history=maybe", "state=up", "cursor=zzz", "job=none"]) {
      expect([query, [400, 404].includes((await ask(served, `/v1/tasks?${query}`)).status)]).toEqual([query, true]);
    }
    expect((await errorOf(await ask(served, "/v1/tasks?limt=5"))).hint).toBe('did you mean "limit"?');
  });

  test("a restart repeated with the same key restarts once", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const key = { "idempotency-key": "k1" };
    const answers = await Promise.all([
      post("/v1/jobs/web/restart", undefined, key),
      post("/v1/jobs/web/restart", undefined, key),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await post("/v1/jobs/web/restart", undefined, key)).status).toBe(200);
    expect(served.manager.commands.filter(({ command }) => command.kind === "job.restart")).toHaveLength(1);
    expect((await errorOf(await post("/v1/jobs/web/stop", undefined, key))).code).toBe("conflict");
    await post("/v1/jobs/web/restart", undefined, { "idempotency-key": "k2" });
    expect(served.manager.commands.filter(({ command }) => command.kind === "job.restart")).toHaveLength(2);
    expect((await post("/v1/jobs", { name: "x", image: "a" }, { "idempotency-key": "k".repeat(256) })).status).toBe(
      400,
    );
  });

  test("a request that failed may be tried again with its key", async () => {
    const key = { "idempotency-key": "k1" };
    expect((await post("/v1/jobs/web/restart", undefined, key)).status).toBe(404);
    await post("/v1/jobs", { name: "web", image: "a" });
    expect((await post("/v1/jobs/web/restart", undefined, key)).status).toBe(200);
  });

  test("an unforeseen error is a 500 that tells the log and not the caller", async () => {
    served.manager.execute = () => Promise.reject(new Error("secret detail"));
    const answer = await post("/v1/jobs", { name: "web", image: "a" });
    expect([answer.status, await errorOf(answer)]).toEqual([
      500,
      { code: "internal", message: "something went wrong inside the manager", hint: "its log file says more" },
    ]);
    expect(served.logged.join()).toContain("secret detail");
  });

  test("a shutdown is answered before it happens", async () => {
    expect((await post("/v1/shutdown")).status).toBe(202);
    await until(() => served.shutdowns() === 1);
  });

  test("logs are lines of JSON, or text for who asks for it", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const node = served.manager.addNode("n1");
    const [job] = served.manager.cluster.jobs.keys();
    served.manager.report(job ?? "", { state: "running", incarnation: 1 }, { nodeId: node.id });
    served.streams.lines = [{ stream: "stdout", atMs: 5, text: "one" }];
    expect(await (await ask(served, "/v1/tasks/web/logs")).text()).toBe('{"stream":"stdout","atMs":5,"text":"one"}\n');
    expect(await (await ask(served, "/v1/tasks/web/logs", { headers: { accept: "text/plain" } })).text()).toBe("one\n");
    expect((await ask(served, "/v1/tasks/none/logs")).status).toBe(404);
  });

  test("the document names every path, and its references lead somewhere", async () => {
    const document = (await json("/v1/openapi.json")) as {
      openapi: string;
      paths: object;
      components: { schemas: object };
    };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/v1/jobs", "/v1/jobs/{ref}/stop", "/v1/tasks/{ref}/logs", "/v1/events", "/v1/watch"]),
    );
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    expect(references.length).toBeGreaterThan(20);
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining([...new Set(references)] as string[]),
    );
    const operations = Object.values(document.paths).flatMap((path: Record<string, { operationId: string }>) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(operations).size).toBe(operations.length);
  });

  test("figures are in Prometheus' format", async () => {
    const node = served.manager.addNode('n"1', { id: "n1" });
    await post("/v1/jobs", { name: "web", image: "a", memory: "1g" });
    const [job] = served.manager.cluster.jobs.keys();
    served.manager.report(job ?? "", { state: "running", incarnation: 1 }, { nodeId: node.id });
    const answer = await ask(served, "/metrics");
    const text = await answer.text();
    expect(answer.headers.get("content-type")).toContain("version=0.0.4");
    for (const line of text.trim().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+)$/);
    expect(text).toContain('cube_tasks{state="running"} 1\n');
    expect(text).toContain(`cube_node_memory_allocated_bytes{node="n\\"1",id="n1"} 1073741824\n`);
    expect(text).toContain("cube_command_duration_seconds_count 1\n");
    expect(text).toContain(`cube_revision ${served.manager.status().revision}\n`);
  });
});

describe("api: streams of events", () => {
  test("a stream is gapless from its revision on, across what was and what comes", async () => {
    await submit("a");
    const reader = await events("since=1");
    expect([await reader.next(), await reader.next()]).toEqual([2, 3]);
    await submit("b");
    expect([await reader.next(), await reader.next(), await reader.next()]).toEqual([4, 5, 6]);
    reader.leave();
    await until(() => served.manager.listeners === 0);
  });

  test("without a revision it begins with what comes next", async () => {
    await submit("a");
    const reader = await events("");
    await submit("b");
    expect(await reader.next()).toBe(4);
    reader.leave();
  });

  test("a reader that comes back names the last event that it had", async () => {
    await submit("a");
    const reader = await events("since=0", { "last-event-id": "2" });
    expect(await reader.next()).toBe(3);
    reader.leave();
    expect((await ask(served, "/v1/events?stream=1", { headers: { "last-event-id": "x" } })).status).toBe(400);
  });

  test("what is no longer kept is an explicit resync, and the stream goes on from there", async () => {
    await submit("a");
    served.manager.forgetLog();
    const reader = await events("since=0");
    expect(await reader.next()).toBe("resync 3");
    await submit("b");
    expect(await reader.next()).toBe(4);
    reader.leave();
  });

  test("a revision of another cluster's future is a resync too", async () => {
    await submit("a");
    const reader = await events("since=99");
    expect(await reader.next()).toBe("resync 3");
    reader.leave();
  });

  test("a burst reaches many readers complete and in order", async () => {
    const readers = await Promise.all(Array.from({ length: 10 }, () => events("since=0")));
    for (let i = 0; i < 200; i++) await submit(`job-${i}`);
    for (const reader of readers) {
      for (let revision = 1; revision <= 600; revision++) expect(await reader.next()).toBe(revision);
      reader.leave();
    }
  });

  test("a reader that takes nothing is served from the log once it reads again, and misses nothing", async () => {
    const slow = await stalledReader("/v1/events?stream=1&since=0");
    const many = 100;
    for (let i = 0; i < many; i++) bigChange(`big-${i}`);
    // 6 MB are more than its buffers hold, so some of it can only come from the log.
    const readsBefore = served.manager.logReads;
    const got: number[] = [];
    for await (const { name, data } of eventsOf(slow.read())) {
      if (name === "event") got.push(JSON.parse(data).revision);
      if (got.length === many) break;
    }
    expect(got).toEqual(Array.from({ length: many }, (_, index) => index + 1));
    expect(served.manager.logReads).toBeGreaterThan(readsBefore);
    slow.end();
  });

  test("a reader of a watch that takes nothing begins anew with a snapshot once it reads again", async () => {
    const slow = await stalledReader("/v1/watch");
    for (let i = 0; i < 100; i++) bigChange(`big-${i}`);
    const kinds: string[] = [];
    let jobs = 0;
    for await (const { name, data } of eventsOf(slow.read())) {
      kinds.push(name);
      if (name === "snapshot") jobs = JSON.parse(data).jobs.length;
      if (jobs === 100) break;
    }
    expect([kinds[0], kinds.filter((kind) => kind === "event").length < 100]).toEqual(["snapshot", true]);
    slow.end();
  });
});

async function submit(name: string): Promise<void> {
  await served.manager.execute({ kind: "job.submit", id: "", spec: lone(name), idempotencyKey: "" }, "test");
}

/** A change of about 60 kB. */
function bigChange(id: string): void {
  const spec = lone(id, { env: { BIG: "x".repeat(60_000) } });
  const job = {
    id,
    version: 1,
    desired: "run" as const,
    restartSerial: 0,
    startSerial: 1,
    actor: "test",
    createdMs: 1,
    updatedMs: 1,
    spec,
  };
  served.manager.commit([{ kind: "job.put", job }]);
}

/** Revisions of events as they come; `resync <revision>` for a resync. */
async function events(query: string, headers: Record<string, string> = {}) {
  const leave = new AbortController();
  const answer = await ask(served, `/v1/events?${query}`, {
    headers: { accept: "text/event-stream", ...headers },
    signal: leave.signal,
  });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  if (!answer.body) throw new Error("no body");
  const stream = eventsOf(answer.body)[Symbol.asyncIterator]();
  const next = async (): Promise<number | string> => {
    const { value } = await stream.next();
    const data = JSON.parse(value?.data ?? "{}");
    return value?.name === "event" ? data.revision : `${value?.name} ${data.revision}`;
  };
  return { next, leave: () => leave.abort() };
}

/** A connection that asks and then reads nothing until told to. */
async function stalledReader(path: string) {
  const socket: Socket = connect(served.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.pause();
  // Identity instead of chunked: HTTP/1.0 has no chunks, so the body is the plain stream of events.
  socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost:${served.port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  await until(() => served.manager.listeners > 0);
  return {
    end: () => socket.destroy(),
    read: async function* (): AsyncIterable<Uint8Array> {
      socket.resume();
      yield* socket as AsyncIterable<Uint8Array>;
    },
  };
}
