/** What the docker runtime lists, and says of itself, when an engine answers its ping but not all that it is asked. */
import { expect, test } from "bun:test";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import { listed, listedInstance } from "../../src/runtime/docker-list.ts";
import type { Runtime } from "../../src/worker/ports.ts";
import { value } from "../contract/runtime.ts";
import { type Handler, type OddEngine, startOddEngine } from "./odd-engine.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

const STUCK = "docker answers its ping but not its lists or inspections: restart the engine";

function labelsOf(id: string): Record<string, string> {
  return { "io.cube.node": "n1", "io.cube.task": `task-${id}`, "io.cube.incarnation": "3", "io.cube.spec": "h" };
}

function entry(id: string, State: string, Status = ""): object {
  return { Id: id, State, Status, Labels: labelsOf(id) };
}

function open(engine: OddEngine): Runtime {
  return createDockerRuntime({
    nodeId: "n1",
    clusterId: () => "c1",
    policy: STRICT_POLICY,
    host: engine.host,
    patience: { listMs: 100, inspectMs: 100 },
  });
}

/** An engine with these containers; `silent` says which calls get no answer. */
function engineOf(entries: readonly object[], silent: (path: string) => boolean): Handler {
  return (path) => {
    if (silent(path)) return null;
    if (path.startsWith("GET /version")) return [200, { Version: "29.0.0" }];
    if (path.startsWith("GET /_ping")) return [200, {}];
    if (path.startsWith("GET /containers/json")) return [200, entries];
    const id = /^GET \/containers\/([^/]+)\/json/.exec(path)?.[1];
    if (id === undefined || id === "gone") return [404, { message: "no such container" }];
    if (id === "odd") return [500, { message: "layer does not exist" }];
    return [200, { Id: id, Config: { Labels: labelsOf(id) }, State: { Status: "exited", ExitCode: 7 } }];
  };
}

test("runtime: a container whose inspection never ends or fails is listed as the list itself has it", async () => {
  const entries = [entry("hung", "running"), entry("odd", "exited", "Exited (137) 3 minutes ago")];
  const handler = engineOf([...entries, entry("sound", "running"), entry("gone", "running")], (path) =>
    path.includes("/hung/"),
  );
  await using engine = await startOddEngine(handler);
  const runtime = open(engine);
  const found = value(await runtime.list());
  expect(found.map((one) => [one.taskId, one.incarnation, one.instanceId, one.status, one.exitCode])).toEqual([
    ["task-hung", 3, "hung", "running", null],
    ["task-odd", 3, "odd", "exited", 137],
    ["task-sound", 3, "sound", "exited", 7],
  ]);
  // One container's trouble is not the engine's.
  expect((await runtime.probe()).problem).toBe("");
  await runtime.close();
});

test("runtime: an engine that pings but inspects nothing has a problem until it does again", async () => {
  let silent = true;
  const entries = Array.from({ length: 60 }, (_, n) => entry(`c${n}`, "running"));
  await using engine = await startOddEngine(engineOf(entries, (path) => silent && /\/c\d+\/json/.test(path)));
  const runtime = open(engine);
  const found = value(await runtime.list());
  expect(found).toHaveLength(60);
  expect(new Set(found.map((one) => one.status))).toEqual(new Set(["running"]));
  // It is not waited for each of them in turn.
  expect(engine.calls.filter((call) => /\/c\d+\/json/.test(call))).toHaveLength(24);
  expect(await runtime.probe()).toEqual({ kind: "docker", version: "29.0.0", problem: STUCK });
  silent = false;
  expect((await runtime.probe()).problem).toBe("");
  await runtime.close();
});

test("runtime: an engine that pings but does not list has a problem until it does again", async () => {
  let silent = true;
  await using engine = await startOddEngine(engineOf([], (path) => silent && path.includes("/containers/json")));
  const runtime = open(engine);
  expect((await runtime.probe()).problem).toBe("");
  expect(await runtime.list()).toMatchObject({ ok: false, failure: { kind: "unavailable" } });
  expect((await runtime.probe()).problem).toBe(STUCK);
  silent = false;
  expect((await runtime.probe()).problem).toBe("");
  await runtime.close();
});

test("runtime: what a list says of a container's state errs towards running, and keeps ports and address", () => {
  const status = (State: string) => listedInstance(entry("a", State) as never, "n1")?.status;
  expect(["created", "exited", "running", "paused", "dead", "removing", ""].map(status)).toEqual([
    "created",
    "exited",
    "running",
    "running",
    "running",
    "running",
    "running",
  ]);
  const [bound] = listed([
    {
      ...entry("a", "running"),
      Ports: [
        { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 32768, Type: "tcp" },
        { IP: "::", PrivatePort: 80, PublicPort: 32768, Type: "tcp" },
        { PrivatePort: 90, Type: "tcp" },
      ],
      NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" } } },
    },
  ]) as never[];
  expect(listedInstance(bound as never, "n1")).toMatchObject({
    ports: [{ containerPort: 80, hostPort: 32768, protocol: "tcp", hostIp: "" }],
    address: "172.17.0.2",
    specHash: "h",
  });
  expect(listedInstance(bound as never, "n2")).toBeNull();
  expect(listed({ message: "no" })).toBeNull();
});
