// /v1 as HTTP: statuses, refusals, keys of repeats, figures and the document.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHttpClient } from "../../src/client/http-client.ts";
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
import { until } from "../contract/cluster-client-behind.ts";
import { ask, curl, type Served, serve, TOKEN } from "./served.ts";

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
    expect((await post("/v1/nodes/trust-loss")).status).toBe(202);
    expect(served.manager.commands.at(-1)).toEqual({ command: { kind: "nodes.trust-loss" }, actor: "token:api" });
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
    expect((await errorOf(await ask(served, "/v1/decisions?task=web"))).hint).not.toContain('"task"');
  });

  test("a filter that means nothing in a list is refused there", async () => {
    for (const query of ["jobs?node=n1", "jobs?history=1", "nodes?job=web", "nodes?history=1", "decisions?state=run"]) {
      const answer = await ask(served, `/v1/${query}`);
      expect([query, answer.status, (await errorOf(answer)).message]).toEqual([
        query,
        400,
        expect.stringContaining("unknown"),
      ]);
    }
  });

  test("events asked for from a revision that is not reached yet tell of the gap", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const { revision, gap } = eventsSchema.parse(await json("/v1/events?since=0"));
    expect(gap).toBe(false);
    expect(eventsSchema.parse(await json(`/v1/events?since=${revision}`)).gap).toBe(false);
    expect(eventsSchema.parse(await json(`/v1/events?since=${revision + 1}`)).gap).toBe(true);
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

  test("logs that are followed have their head before the first line", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const node = served.manager.addNode("n1");
    const [job] = served.manager.cluster.jobs.keys();
    served.manager.report(job ?? "", { state: "running", incarnation: 1 }, { nodeId: node.id });
    const answer = await ask(served, "/v1/tasks/web/logs?follow=1");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    await answer.body?.cancel();
  });

  test("logs of a task that has none yet are refused by their status", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const answer = await ask(served, "/v1/tasks/web/logs");
    expect([answer.status, (await errorOf(answer)).code]).toEqual([409, "conflict"]);
  });

  test("a command in a task is in the log, with who ran it", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const node = served.manager.addNode("n1");
    const [job] = served.manager.cluster.jobs.keys();
    served.manager.report(job ?? "", { state: "running", incarnation: 1 }, { nodeId: node.id });
    const client = createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port: served.port, token: TOKEN } });
    const options = { command: ["cat", "a\nb"], tty: false, stdin: true, columns: 80, rows: 24 };
    (await client.exec("web", options)).close();
    expect(served.logged).toEqual(['info token:api runs a command in "web": ["cat","a\\nb"]']);
  });

  test("as many commands as may run keep nobody out of the port", async () => {
    await post("/v1/jobs", { name: "web", image: "a" });
    const node = served.manager.addNode("n1");
    const [job] = served.manager.cluster.jobs.keys();
    served.manager.report(job ?? "", { state: "running", incarnation: 1 }, { nodeId: node.id });
    const client = createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port: served.port, token: TOKEN } });
    const options = { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 };
    const shells = await Promise.all(Array.from({ length: 64 }, () => client.exec("web", options)));
    expect((await curl("-H", `Authorization: Bearer ${TOKEN}`, `${served.url}/v1/health`)).status).toBe(200);
    for (const shell of shells) shell.close();
  });

  test("a WebSocket is let in by the same rules as any request", async () => {
    const upgrade = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const headersOf = (headers: Record<string, string>): string[] =>
      Object.entries({ ...upgrade, ...headers }).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    const status = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await curl("--http1.1", ...headersOf(headers), served.url + path)).status;
    const authorization = `Bearer ${TOKEN}`;
    expect(await status("/v1/tasks/web/exec", {})).toBe(401);
    expect(await status("/v1/tasks/web/exec", { authorization, origin: "http://evil" })).toBe(403);
    expect(await status("/v1/tasks/web/exec", { authorization, host: "evil.example" })).toBe(403);
    expect(await status("/v1/elsewhere", { authorization })).toBe(404);
    expect(await status("/v1/tasks/%ff/exec", { authorization })).toBe(400);
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

  test("figures of each task that has not ended: CPU, memory, restarts; of an ended one none", async () => {
    const node = served.manager.addNode("n1", { id: "n1" });
    for (const name of ["web", "done", "later"]) await post("/v1/jobs", { name, image: "a" });
    const [web = "", done = ""] = [...served.manager.cluster.jobs.keys()];
    const { id } = served.manager.report(web, { state: "running", incarnation: 3, restarts: 2 }, { nodeId: node.id });
    served.manager.report(done, { state: "complete", incarnation: 1 }, { nodeId: node.id });
    const tasks = [{ taskId: id, cpuMillis: 250, memoryBytes: 4_096 }];
    const sample = { cpuMillis: 1, memoryUsedBytes: 1, memoryTotalBytes: 1, diskUsedBytes: 1, diskTotalBytes: 1 };
    const metrics = { ...sample, load: [0, 0, 0] as const, tasks, atMs: 1, book: null };
    served.manager.observed.set("n1", { metrics, progress: [], seenMonoMs: 1 });
    const lines = (await (await ask(served, "/metrics")).text()).split("\n");
    const labels = `{task="web",id="${id}",job="web",service="web",slot="0",node="n1"}`;
    expect(lines.filter((line) => line.startsWith("cube_task_"))).toEqual([
      `cube_task_cpu_used_cores${labels} 0.25`,
      `cube_task_memory_used_bytes${labels} 4096`,
      `cube_task_restarts_total${labels} 2`,
      "cube_task_series_left_out 0",
    ]);
    expect(lines).toContain("# TYPE cube_task_restarts_total counter");
  });

  test("the address alone is an error in words, and any other unknown path of the book's is an empty one", async () => {
    const answer = await ask(served, "/");
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: expect.objectContaining({ code: "not_found", hint: expect.stringContaining("/v1") }) },
    ]);
    const unknown = await ask(served, "/nowhere");
    expect([unknown.status, await unknown.text()]).toEqual([404, ""]);
  });
});
