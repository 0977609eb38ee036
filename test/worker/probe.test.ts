/** Health probes against real listeners on the loopback, and the command probe against the fake runtime. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { DEFAULT_TASK, type HealthProbe, type PortMapping, type TaskSpec } from "../../src/core/spec.ts";
import type { Instance } from "../../src/worker/effects.ts";
import { runProbe, targetOf } from "../../src/worker/probe.ts";
import { FakeEngine, FakeRuntime } from "../fakes/runtime.ts";

let web: Server;
let silent: TcpServer;
const asked: string[] = [];

beforeAll(async () => {
  web = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const status = request.url === "/moved" ? 302 : request.url === "/bad" ? 500 : 200;
    response.writeHead(status, status === 302 ? { location: "/" } : {}).end("x".repeat(100_000));
  });
  silent = createTcpServer(() => {});
  await Promise.all(
    [web, silent].map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
  );
});

afterAll(() => {
  web.closeAllConnections();
  web.close();
  silent.close();
});

function portOf(server: Server | TcpServer): number {
  return (server.address() as AddressInfo).port;
}

function published(containerPort: number, hostPort: number, hostIp = ""): PortMapping {
  return { containerPort, hostPort, protocol: "tcp", hostIp };
}

function instance(change: Partial<Instance> = {}): Instance {
  return {
    taskId: "t1",
    incarnation: 1,
    instanceId: "c-t1#1",
    runtime: "docker",
    status: "running",
    specHash: "",
    exitCode: null,
    oomKilled: false,
    error: "",
    ports: [],
    address: "",
    startedMs: 0,
    finishedMs: 0,
    ...change,
  };
}

function spec(probe: HealthProbe, timeoutMs = 2_000): TaskSpec {
  return { ...DEFAULT_TASK, health: { probe, timeoutMs, intervalMs: 1, retries: 1, startPeriodMs: 0 } };
}

const runtime = new FakeRuntime("n1");

test("probe: HTTP is healthy with exactly 200, and a redirect is not followed", async () => {
  const ports = [published(80, portOf(web))];
  const answers = await Promise.all(
    ["/", "ok", "/moved", "/bad"].map((path) =>
      runProbe(runtime, instance({ ports }), spec({ kind: "http", path, port: 0 })),
    ),
  );
  const at = `GET 127.0.0.1:${portOf(web)}`;
  expect(answers.map((answer) => answer?.message ?? null)).toEqual([
    null,
    null,
    `${at}/moved: status 302`,
    `${at}/bad: status 500`,
  ]);
  expect(asked.sort()).toEqual(["GET /", "GET /bad", "GET /moved", "GET /ok"]);
});

test("probe: nobody listening is named, for HTTP and TCP", async () => {
  const free = createTcpServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const port = portOf(free);
  await new Promise((resolve) => free.close(resolve));
  const target = instance({ ports: [published(80, port)] });
  const http = await runProbe(runtime, target, spec({ kind: "http", path: "/", port: 80 }));
  const tcp = await runProbe(runtime, target, spec({ kind: "tcp", port: 80 }));
  expect(http).toEqual({ kind: "transient", message: `GET 127.0.0.1:${port}/: connection refused` });
  expect(tcp).toEqual({ kind: "transient", message: `connection to 127.0.0.1:${port}: connection refused` });
});

test("probe: a listener that says nothing is healthy for TCP, and for HTTP a failure after the timeout", async () => {
  const target = instance({ ports: [published(80, portOf(silent))] });
  expect(await runProbe(runtime, target, spec({ kind: "tcp", port: 80 }))).toBeNull();
  const failure = await runProbe(runtime, target, spec({ kind: "http", path: "/", port: 80 }, 50));
  expect(failure).toEqual({ kind: "transient", message: "no answer within 50 ms" });
});

test("probe: a command is healthy with exit code 0; otherwise its last words are told", async () => {
  const engine = new FakeEngine({
    command: ({ command }) =>
      command[0] === "good"
        ? { exitCode: 0 }
        : { exitCode: 3, output: [{ stream: "stderr", text: "first\nno connection\n" }] },
  });
  const fake = new FakeRuntime("n1", engine);
  const created = await fake.create({
    taskId: "t1",
    incarnation: 1,
    jobId: "j",
    name: "n",
    service: "s",
    slot: 0,
    spec: DEFAULT_TASK,
    specHash: "",
  });
  if (created.ok) await fake.start(created.value.instanceId);
  expect(await runProbe(fake, instance(), spec({ kind: "exec", command: ["good"] }))).toBeNull();
  expect(await runProbe(fake, instance(), spec({ kind: "exec", command: ["bad"] }))).toEqual({
    kind: "transient",
    message: "bad: exit code 3: no connection",
  });
  engine.failNext("exec", "unavailable", "engine is away");
  expect((await runProbe(fake, instance(), spec({ kind: "exec", command: ["good"] })))?.kind).toBe("unavailable");
});

test("probe: the published port comes first, then the instance's own address, then the node's for what shares its network", () => {
  const http = spec({ kind: "http", path: "/", port: 0 });
  const host = { ...http, privileges: { ...http.privileges, network: "host" as const } };
  expect([
    targetOf(80, instance({ ports: [published(80, 8080), published(81, 8081)] }), http),
    targetOf(81, instance({ ports: [published(80, 8080), published(81, 8081, "10.0.0.1")] }), http),
    targetOf(0, instance({ ports: [published(80, 8080, "::")] }), http),
    targetOf(90, instance({ ports: [published(80, 8080)], address: "172.17.0.2" }), http),
    targetOf(90, instance(), host),
    targetOf(90, instance({ runtime: "process" }), http),
    targetOf(0, instance({ address: "172.17.0.2" }), http),
    targetOf(90, instance(), http),
  ]).toEqual([
    { host: "127.0.0.1", port: 8080 },
    { host: "10.0.0.1", port: 8081 },
    { host: "::1", port: 8080 },
    { host: "172.17.0.2", port: 90 },
    { host: "127.0.0.1", port: 90 },
    { host: "127.0.0.1", port: 90 },
    null,
    null,
  ]);
});
