/** What the docker runtime does when an engine is odd, slow, gone or back, and how many calls a start costs. */
import { describe, expect, test } from "bun:test";
import type { ServerResponse } from "node:http";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import { Engine } from "../../src/runtime/docker-engine.ts";
import { Images } from "../../src/runtime/docker-pull.ts";
import { stopContainer } from "../../src/runtime/docker-stop.ts";
import type { Runtime, RuntimeEvent } from "../../src/worker/ports.ts";
import { until, value } from "../contract/runtime.ts";
import { type Handler, type OddEngine, startOddEngine } from "./odd-engine.ts";
import { createRequest, taskSpec } from "./requests.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

const NO_SIGNAL = new AbortController().signal;
const request = createRequest(taskSpec({ pull: "missing" }));
const labels = {
  "io.cube.node": "n1",
  "io.cube.task": request.taskId,
  "io.cube.incarnation": "1",
  "io.cube.spec": request.specHash,
};

function container(status: string): object {
  return {
    Id: "abc123",
    Config: { Labels: labels },
    State: { Status: status, Running: status === "running", Pid: 0 },
    HostConfig: {},
  };
}

function open(engine: OddEngine): Runtime {
  return createDockerRuntime({ nodeId: "n1", clusterId: () => "c1", policy: STRICT_POLICY, host: engine.host });
}

const sound: Handler = (path) => {
  if (path.startsWith("GET /images/")) return [200, { Id: "sha256:1" }];
  if (path.startsWith("POST /containers/create")) return [201, { Id: "abc123", Warnings: [] }];
  if (path.endsWith("/start")) return [204, null];
  if (path.startsWith("GET /containers/abc123/json")) return [200, container("running")];
  return [404, { message: "no such thing" }];
};

test("runtime: a start costs exactly create, start and inspect once the image has been seen", async () => {
  await using engine = await startOddEngine(sound);
  const runtime = open(engine);
  value(await runtime.pull(request.spec, () => {}, NO_SIGNAL));
  engine.calls.length = 0;
  value(await runtime.pull(request.spec, () => {}, NO_SIGNAL));
  const { instanceId } = value(await runtime.create(request));
  value(await runtime.start(instanceId));
  const name = `cube-web-${request.taskId.slice(0, 12)}-1`;
  expect(engine.calls).toEqual([
    `POST /containers/create?name=${name}`,
    "POST /containers/abc123/start",
    "GET /containers/abc123/json",
  ]);
  await runtime.close();
});

test("runtime: a pull of which nothing is heard any more fails and may be tried again, whether it had begun or not", async () => {
  let hasBegun = false;
  await using engine = await startOddEngine((path, response) => {
    if (!path.startsWith("POST /images/create")) return [404, { message: "no such image" }];
    if (hasBegun) response.writeHead(200, { "content-type": "application/json" }).write('{"status":"Pulling"}\n');
    return null;
  });
  const images = new Images(() => new Engine({ kind: "unix", path: engine.host.slice("unix://".length) }), 60);
  const stalled = { ok: false, failure: { kind: "transient", message: expect.stringContaining("nothing was heard") } };
  expect(await images.ensure(request.spec, () => {}, NO_SIGNAL)).toMatchObject(stalled);
  hasBegun = true;
  expect(await images.ensure(request.spec, () => {}, NO_SIGNAL)).toMatchObject(stalled);
});

test("runtime: a create whose answer got lost is adopted at the next try", async () => {
  await using engine = await startOddEngine((path, response, incoming) => {
    if (!path.startsWith("POST /containers/create"))
      return path.includes("/cube-web-") ? [200, container("created")] : sound(path, response, incoming);
    if (engine.calls.filter((call) => call === path).length > 1)
      return [409, { message: 'The container name "/x" is already in use' }];
    response.socket?.destroy();
    return null;
  });
  const runtime = open(engine);
  expect(await runtime.create(request)).toMatchObject({ ok: false, failure: { kind: "unavailable" } });
  expect(value(await runtime.create(request))).toEqual({ instanceId: "abc123" });
  await runtime.close();
});

describe("runtime: a stop that the engine does not keep", () => {
  const stop = { instanceId: "abc123", nodeId: "n1", signal: "", graceMs: 0, killWaitsMs: [1, 1, 1] };

  test("runtime: a failed stop is followed by kills until the container is dead", async () => {
    let kills = 0;
    await using engine = await startOddEngine((path) => {
      if (path.includes("/stop"))
        return [500, { message: "tried to kill container, but did not receive an exit event" }];
      if (path.includes("/kill")) kills += 1;
      if (path.includes("/json")) return [200, container(kills > 1 ? "exited" : "running")];
      return [500, { message: "wait failed" }];
    });
    const one = new Engine({ kind: "unix", path: engine.host.slice("unix://".length) });
    expect(await stopContainer(one, stop)).toEqual({ ok: true, value: null });
    expect(kills).toBe(2);
  });

  test("runtime: a container that survives SIGKILL is never called stopped", async () => {
    await using engine = await startOddEngine((path) =>
      path.includes("/json") ? [200, container("running")] : [500, { message: "could not kill" }],
    );
    const one = new Engine({ kind: "unix", path: engine.host.slice("unix://".length) });
    expect(await stopContainer(one, stop)).toEqual({
      ok: false,
      failure: { kind: "transient", message: expect.stringContaining("still runs after SIGKILL") },
    });
    expect(engine.calls.filter((call) => call.includes("/kill"))).toHaveLength(3);
  });
});

test("runtime: an engine that is not there is unavailable, and says how to get one", async () => {
  const runtime = createDockerRuntime({
    nodeId: "n1",
    clusterId: () => "c1",
    policy: STRICT_POLICY,
    host: "unix:///nowhere/d.sock",
  });
  const problem = "no container engine answers at /nowhere/d.sock: install or start Docker, or use --runtime process";
  expect(await runtime.probe()).toEqual({ kind: "docker", version: "", problem });
  const unavailable = { ok: false, failure: { kind: "unavailable", message: problem } };
  expect(await runtime.list()).toEqual(unavailable as never);
  expect(await runtime.create(request)).toEqual(unavailable as never);
  expect(await runtime.pull(request.spec, () => {}, NO_SIGNAL)).toEqual(unavailable as never);
  expect(await runtime.stop("abc123", { signal: "", graceMs: 0 })).toEqual(unavailable as never);
  await runtime.close();
});

test("runtime: an engine's address that makes no sense shows in the probe and in every call", async () => {
  const runtime = createDockerRuntime({
    nodeId: "n1",
    clusterId: () => "c1",
    policy: STRICT_POLICY,
    host: "ssh://engine",
  });
  expect((await runtime.probe()).problem).toContain("unix:///path or tcp://host:port");
  expect(await runtime.create(request)).toMatchObject({ ok: false, failure: { kind: "invalid" } });
  await runtime.close();
});

test("runtime: podman says that it is podman", async () => {
  await using engine = await startOddEngine(() => [
    200,
    { Version: "4.3.1", Components: [{ Name: "Podman Engine", Version: "4.3.1" }] },
  ]);
  const runtime = open(engine);
  expect(await runtime.probe()).toEqual({ kind: "docker", version: "podman 4.3.1", problem: "" });
  await runtime.close();
});

test("runtime: an engine is asked for its version once, and anew after it did not answer", async () => {
  const answers: [number, object][] = [
    [200, { Version: "20.10.24" }],
    [200, {}],
    [503, { message: "starting" }],
    [200, { Version: "29.0.0" }],
  ];
  await using engine = await startOddEngine(() => answers.shift() ?? [200, {}]);
  const runtime = open(engine);
  const versions: string[] = [];
  for (let probe = 0; probe < 5; probe++) versions.push((await runtime.probe()).version);
  expect(versions).toEqual(["20.10.24", "20.10.24", "", "29.0.0", "29.0.0"]);
  expect(engine.calls).toEqual(["GET /version", "GET /_ping", "GET /_ping", "GET /version", "GET /_ping"]);
  await runtime.close();
});

test("runtime: a broken event stream is opened again and says so; other nodes' events are left out", async () => {
  const streams: ServerResponse[] = [];
  await using engine = await startOddEngine((path, response) => {
    if (!path.startsWith("GET /events")) return [404, { message: "no" }];
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    streams.push(response);
    return null;
  });
  const runtime = open(engine);
  const seen: RuntimeEvent[] = [];
  const watch = runtime.watch((event) => seen.push(event));
  const died = (node: string, id: string) =>
    `${JSON.stringify({ Type: "container", Action: "die", Actor: { ID: id, Attributes: { ...labels, "io.cube.node": node } } })}\n`;
  await until(async () => streams.length === 1);
  streams[0]?.write(died("n2", "other") + died("n1", "mine"));
  await until(async () => seen.length === 2);
  streams[0]?.destroy();
  await until(async () => seen.length === 3);
  expect(seen).toEqual([
    { kind: "resync" },
    { kind: "died", of: { taskId: request.taskId, incarnation: 1 }, instanceId: "mine" },
    { kind: "resync" },
  ]);
  watch[Symbol.dispose]();
  await runtime.close();
});

test("runtime: use comes from the engine's stats where no control group can be read, without waiting for them", async () => {
  const stats = {
    cpu_stats: { cpu_usage: { total_usage: 5_000_000 } },
    memory_stats: { usage: 3_000, stats: { inactive_file: 1_000 } },
  };
  await using engine = await startOddEngine((path, response, incoming) => {
    if (path.includes("/stats")) return [200, stats];
    if (path.includes("/json"))
      return [200, { ...container("running"), State: { Status: "running", Running: true, Pid: 1 } }];
    return sound(path, response, incoming);
  });
  const runtime = open(engine);
  const instance = value(await runtime.inspect("abc123"));
  expect((await runtime.usage([instance])).size).toBe(0);
  const use = await until(async () => (await runtime.usage([instance])).get("abc123"));
  expect(use).toEqual({ cpuMillis: 0, memoryBytes: 2_000 });
  await runtime.close();
});
