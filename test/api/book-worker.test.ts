// The book's worker API on a port of its own, asked by the real curl.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startBookWorker } from "../../src/api/book-worker.ts";
import type { HttpListener } from "../../src/api/listener.ts";
import { localTasksOf } from "../../src/api/local-tasks.ts";
import type { Node } from "../../src/core/node.ts";
import { lone } from "../contract/cluster-client-behind.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { type CurlAnswer, curl } from "./served.ts";

const FILE = join(import.meta.dir, "fixtures/task1.json");
const TASK_ID = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";

let manager: FakeManager;
let streams: FakeStreams;
let node: Node;
let listener: HttpListener;

async function open(bookApi: boolean): Promise<void> {
  manager = new FakeManager();
  streams = new FakeStreams();
  node = manager.addNode("n1");
  const tasks = localTasksOf({ access: manager, streams, nodeId: node.id, actor: "book-worker", bookApi });
  listener = await startBookWorker({ host: "127.0.0.1", port: 0, tasks, bookApi });
}

const at = (path: string, ...args: string[]): Promise<CurlAnswer> =>
  curl(...args, `http://127.0.0.1:${listener.port}${path}`);

describe("api: the book's worker", () => {
  beforeEach(() => open(true));
  afterEach(() => listener.close());

  test("a posted task becomes a job that is bound to this node", async () => {
    const answer = await at("/tasks", "-X", "POST", "-d", `@${FILE}`);
    expect([answer.status, JSON.parse(answer.body).ID]).toEqual([201, TASK_ID]);
    const job = manager.cluster.jobs.get(TASK_ID);
    expect([job?.actor, job?.spec.services[0]?.task.constraints]).toEqual([
      "book-worker",
      [{ key: "node.id", operator: "==", value: node.id }],
    ]);
  });

  test("unknown fields are accepted here, wrong types are not", async () => {
    const event = (more: object): string =>
      JSON.stringify({ Task: { ID: TASK_ID, Name: "t", Image: "a", New: 1, ...more }, More: {} });
    expect((await at("/tasks", "-d", event({}))).status).toBe(201);
    expect((await at("/tasks", "-d", event({ State: "1" }))).status).toBe(400);
  });

  test("the list holds this node's tasks alone", async () => {
    await at("/tasks", "-d", `@${FILE}`);
    await manager.execute({ kind: "job.submit", id: "", spec: lone("elsewhere"), idempotencyKey: "" }, "test");
    expect((await at("/tasks")).body).toBe("[]\n");
    manager.report(TASK_ID, { state: "running", containerId: "abc" }, { nodeId: node.id });
    expect(JSON.parse((await at("/tasks")).body)).toMatchObject([{ ID: TASK_ID, State: 2, ContainerID: "abc" }]);
  });

  test("one task is the engine's inspect object", async () => {
    await at("/tasks", "-d", `@${FILE}`);
    const task = manager.report(TASK_ID, { state: "running" }, { nodeId: node.id });
    streams.raw = { Id: "abc", State: { Running: true } };
    expect(await at(`/tasks/${TASK_ID}`)).toEqual({
      status: 200,
      type: "application/json",
      body: '{"Id":"abc","State":{"Running":true}}\n',
    });
    expect(streams.asked).toEqual([{ nodeId: node.id, taskId: task.id }]);
  });

  test("unknown tasks, and those without a container, are a 404 that says nothing", async () => {
    expect(await at(`/tasks/${TASK_ID}`)).toMatchObject({ status: 404, body: "" });
    expect(await at(`/tasks/${TASK_ID}`, "-X", "DELETE")).toMatchObject({ status: 404, body: "" });
    await at("/tasks", "-d", `@${FILE}`);
    streams.refuse = { kind: "not_found", message: "no container" };
    expect(await at(`/tasks/${TASK_ID}`)).toMatchObject({ status: 404, body: "" });
  });

  test("a delete stops what was posted here, and leaves the manager's tasks to the manager", async () => {
    await at("/tasks", "-d", `@${FILE}`);
    expect(await at(`/tasks/${TASK_ID}`, "-X", "DELETE")).toMatchObject({ status: 204, body: "" });
    expect(manager.cluster.jobs.get(TASK_ID)?.desired).toBe("stop");
    const id = TASK_ID.replace("bb", "cc");
    await manager.execute({ kind: "job.submit", id, spec: lone("web"), idempotencyKey: "" }, "test");
    manager.report(id, { state: "running" }, { nodeId: node.id });
    const refused = await at(`/tasks/${id}`, "-X", "DELETE");
    expect([refused.status, JSON.parse(refused.body).Message]).toEqual([409, expect.stringContaining("cube stop web")]);
    expect(manager.cluster.jobs.get(id)?.desired).toBe("run");
  });

  test("stats are the node's figures, empty where none were read", async () => {
    const empty = { MemStats: {}, DiskStats: {}, CpuStats: {}, LoadStats: {}, TaskCount: 0 };
    expect(JSON.parse((await at("/stats")).body)).toEqual(empty);
    expect((await at("/stats/", "-X", "POST")).status).toBe(405);
    expect((await at("/nodes")).status).toBe(404);
  });

  test("web pages and foreign names are kept out", async () => {
    expect((await at("/tasks", "-H", "Origin: http://evil")).status).toBe(403);
    expect((await at("/tasks", "-H", "Host: evil.example")).status).toBe(403);
  });
});

describe("api: the book's worker without --book-api", () => {
  beforeEach(() => open(false));
  afterEach(() => listener.close());

  test("it can be read, and says what it would take to write", async () => {
    expect((await at("/tasks")).status).toBe(200);
    for (const args of [
      ["-d", `@${FILE}`],
      ["-X", "DELETE"],
    ]) {
      const answer = await at(args[0] === "-d" ? "/tasks" : `/tasks/${TASK_ID}`, ...args);
      expect([answer.status, JSON.parse(answer.body).Message]).toEqual([403, expect.stringContaining("--book-api")]);
    }
    expect(manager.commands).toEqual([]);
  });

  test("an inspect object names variables, and keeps their values to itself", async () => {
    const id = TASK_ID;
    await manager.execute({ kind: "job.submit", id, spec: lone("web"), idempotencyKey: "" }, "test");
    manager.report(id, { state: "running" }, { nodeId: node.id });
    streams.raw = { Id: "abc", Config: { Env: ["KEY=secret=1", "B="], Image: "a" }, env: { KEY: "secret" } };
    expect(JSON.parse((await at(`/tasks/${id}`)).body)).toEqual({
      Id: "abc",
      Config: { Env: ["KEY", "B"], Image: "a" },
      env: ["KEY"],
    });
  });
});
