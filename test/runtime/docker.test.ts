/** What only a container engine does: ports, labels, isolation, its own errors. On the real one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { containerName } from "../../src/core/container-name.ts";
import { NO_PRIVILEGES, type TaskSpec } from "../../src/core/spec.ts";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import type { RuntimePolicy } from "../../src/runtime/policy.ts";
import type { CreateRequest, Instance } from "../../src/worker/effects.ts";
import type { Runtime } from "../../src/worker/ports.ts";
import { collect, finished, until, value } from "../contract/runtime.ts";
import { dockerSocket, dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { createRequest, taskSpec } from "./requests.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

const NO_SIGNAL = new AbortController().signal;
const ALL = { follow: false, tail: null, sinceMs: null };
const nodeId = `docker-test-${crypto.randomUUID()}`;
const none = { ...NO_PRIVILEGES, network: "none" } as const;

async function engine(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`http://engine${path}`, {
    method,
    unix: dockerSocket(),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
}

describe.skipIf(dockerSwitchedOff())("docker", () => {
  let directory: string;
  const runtimes: Runtime[] = [];
  const open = (policy: Partial<RuntimePolicy> = {}): Runtime => {
    const runtime = createDockerRuntime({ nodeId, clusterId: () => "c1", policy: { ...STRICT_POLICY, ...policy } });
    runtimes.push(runtime);
    return runtime;
  };
  let runtime: Runtime;

  beforeAll(async () => {
    await requireDocker();
    directory = realpathSync(mkdtempSync(join(tmpdir(), "cube-binds-")));
    runtime = open();
  });
  afterAll(async () => {
    for (const instance of value(await runtime.list())) {
      await runtime.stop(instance.instanceId, { signal: "SIGKILL", graceMs: 0 });
      await runtime.remove(instance.instanceId);
    }
    await Promise.all(runtimes.map((one) => one.close()));
    rmSync(directory, { recursive: true, force: true });
  });

  async function started(
    part: Partial<TaskSpec>,
    by = runtime,
  ): Promise<{ id: string; instance: Instance; request: CreateRequest }> {
    const request = createRequest(taskSpec({ privileges: none, ...part }));
    const id = value(await by.create(request)).instanceId;
    return { id, request, instance: value(await by.start(id)) };
  }

  test("runtime: the engine's choice of a port is told, and the port answers", async () => {
    const { instance } = await started({
      command: ["sh", "-c", "while :; do echo hi | nc -l -p 80; done"],
      privileges: NO_PRIVILEGES,
      ports: [
        { containerPort: 80, hostPort: 0, protocol: "tcp", hostIp: "127.0.0.1" },
        { containerPort: 81, hostPort: 0, protocol: "udp", hostIp: "" },
      ],
    });
    const [tcp, udp] = instance.ports;
    expect(tcp).toEqual({ containerPort: 80, hostPort: expect.any(Number), protocol: "tcp", hostIp: "127.0.0.1" });
    expect(tcp?.hostPort).toBeGreaterThan(0);
    expect(udp?.hostPort).toBeGreaterThan(0);
    expect(instance.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const answer = await until(async () => {
      const got = Promise.withResolvers<string>();
      await Bun.connect({
        hostname: "127.0.0.1",
        port: tcp?.hostPort ?? 0,
        socket: {
          data: (_s, data) => got.resolve(String(data)),
          close: () => got.resolve(""),
          error: () => got.resolve(""),
        },
      }).catch(() => got.resolve(""));
      return got.promise;
    });
    expect(answer).toBe("hi\n");
  }, 30_000);

  test("runtime: a host port that is taken fails the start as port_taken, in words", async () => {
    const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const request = createRequest(
      taskSpec({ ports: [{ containerPort: 80, hostPort: holder.port, protocol: "tcp", hostIp: "127.0.0.1" }] }),
    );
    const id = value(await runtime.create(request)).instanceId;
    expect(await runtime.start(id)).toMatchObject({
      ok: false,
      failure: { kind: "port_taken", message: expect.stringContaining("choose another port") },
    });
    holder.stop(true);
  }, 30_000);

  test.each([
    ["a user that is not there", { user: "nobody-here" }, "start"],
    [
      "less memory than an engine accepts",
      { resources: { cpuMillis: 0, memoryBytes: 1_000_000, diskBytes: 0 } },
      "create",
    ],
  ] as const)(
    "runtime: %s is invalid",
    async (_name, part, at) => {
      const created = await runtime.create(createRequest(taskSpec({ privileges: none, ...part })));
      const failed = at === "create" ? created : await runtime.start(value(created).instanceId);
      expect(failed).toMatchObject({ ok: false, failure: { kind: "invalid" } });
    },
    30_000,
  );

  test("runtime: limits, environment, user and directory arrive in the container", async () => {
    const { id } = await started({
      command: [
        "sh",
        "-c",
        "echo $A; id -u; pwd; grep Cap /proc/self/status; grep NoNewPrivs /proc/self/status; sleep 600",
      ],
      env: { A: "b c" },
      user: "1234",
      workingDir: "/bin",
      resources: { cpuMillis: 500, memoryBytes: 64 << 20, diskBytes: 0 },
    });
    const lines = await until(async () => {
      const found = (await collect(runtime.logs(id, ALL, NO_SIGNAL))).map(({ text }) => text);
      return found.some((text) => text.startsWith("NoNewPrivs")) && found;
    });
    expect(lines.slice(0, 3)).toEqual(["b c", "1234", "/bin"]);
    expect(lines).toContain("NoNewPrivs:\t1");
    const raw = value(await runtime.inspectRaw(id)) as { HostConfig: Record<string, unknown> };
    expect(raw.HostConfig).toMatchObject({ Memory: 64 << 20, NanoCpus: 500_000_000, Init: true });
  }, 30_000);

  test("runtime: a line longer than an engine's frames comes in pieces without time stamps inside", async () => {
    const { id } = await started({
      command: ["sh", "-c", "printf '\\303\\251%.0s' $(seq 20000); echo; echo end; sleep 600"],
    });
    const lines = await until(async () => {
      const found = (await collect(runtime.logs(id, ALL, NO_SIGNAL))).map(({ text }) => text);
      return found.at(-1) === "end" && found;
    });
    expect(lines.slice(0, -1).join("")).toBe("é".repeat(20_000));
    expect(lines.length).toBeGreaterThan(2);
  }, 30_000);

  test("runtime: an instance's own removal is no news to those who watch", async () => {
    const { id, request } = await started({});
    const other = await started({});
    const seen: string[] = [];
    const connected = Promise.withResolvers<void>();
    using _watch = runtime.watch((event) =>
      event.kind === "died" ? void seen.push(event.of.taskId) : connected.resolve(),
    );
    await connected.promise;
    for (const one of [id, other.id]) {
      value(await runtime.stop(one, { signal: "SIGKILL", graceMs: 0 }));
      value(await runtime.remove(one));
    }
    await until(async () => seen.includes(other.request.taskId));
    expect(seen).toEqual([request.taskId, other.request.taskId]);
  }, 30_000);

  test("runtime: a task that uses too much memory is told to have been killed for it", async () => {
    const { id } = await started({
      // Engines overlook the kernel's word of it when it comes within the start.
      command: ["sh", "-c", "sleep 0.5; exec dd if=/dev/zero of=/dev/null bs=100M"],
      resources: { cpuMillis: 0, memoryBytes: 16 << 20, diskBytes: 0 },
    });
    const instance = await until(async () => {
      const found = value(await runtime.inspect(id));
      return found.status === "exited" && found;
    });
    expect(instance).toMatchObject({ exitCode: 137, oomKilled: true });
  }, 30_000);

  test("runtime: memory and CPU of a running container are measured", async () => {
    const { id, instance } = await started({ command: ["sh", "-c", "while :; do :; done"] });
    const use = await until(async () => {
      const found = (await runtime.usage([instance])).get(id);
      return found && found.cpuMillis > 200 && found;
    });
    expect(use.memoryBytes).toBeGreaterThan(0);
    await runtime.stop(id, { signal: "SIGKILL", graceMs: 0 });
  }, 30_000);

  test("runtime: a stranger's container under our name is a conflict and stays untouched", async () => {
    const request = createRequest(taskSpec({ privileges: none }));
    const name = containerName(request);
    const made = await engine("POST", `/containers/create?name=${name}`, { Image: TEST_IMAGE, Cmd: ["sleep", "600"] });
    const { Id } = (await made.json()) as { Id: string };
    try {
      expect(await runtime.create(request)).toMatchObject({
        ok: false,
        failure: { kind: "conflict", message: expect.stringContaining(name) },
      });
      expect(await runtime.start(Id)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
      value(await runtime.stop(Id, { signal: "SIGKILL", graceMs: 0 }));
      value(await runtime.remove(Id));
      expect((await engine("GET", `/containers/${Id}/json`)).status).toBe(200);
    } finally {
      await engine("DELETE", `/containers/${Id}?force=1`);
    }
  }, 30_000);

  test("runtime: a container removed behind our back is told as a death and then gone", async () => {
    const { id, request } = await started({});
    const died = Promise.withResolvers<void>();
    const connected = Promise.withResolvers<void>();
    using _watch = runtime.watch((event) => {
      if (event.kind === "died" && event.of.taskId === request.taskId) died.resolve();
      if (event.kind === "resync") connected.resolve();
    });
    await connected.promise;
    await engine("DELETE", `/containers/${id}?force=1`);
    await died.promise;
    await until(async () => !(await runtime.inspect(id)).ok);
    expect(await runtime.inspect(id)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
  }, 30_000);

  test("runtime: anonymous volumes go with their container, named ones stay", async () => {
    const volume = `cube-test-${crypto.randomUUID()}`;
    const { id } = await started({
      mounts: [
        { kind: "volume", source: volume, target: "/v", readOnly: false },
        { kind: "volume", source: "", target: "/w", readOnly: false },
      ],
    });
    const { Mounts } = value(await runtime.inspectRaw(id)) as { Mounts: { Name: string }[] };
    value(await runtime.stop(id, { signal: "SIGKILL", graceMs: 0 }));
    value(await runtime.remove(id));
    const statuses = await Promise.all(
      Mounts.map(async ({ Name }) => [Name === volume, (await engine("GET", `/volumes/${Name}`)).status]),
    );
    expect(statuses.sort()).toEqual([
      [false, 404],
      [true, 200],
    ]);
    await engine("DELETE", `/volumes/${volume}`);
  }, 30_000);

  test("runtime: a shell on a terminal has its size, echoes and says its code", async () => {
    const { id } = await started({});
    const request = { command: ["sh"], tty: true, stdin: true, columns: 91, rows: 33 };
    const session = value(await runtime.exec(id, request));
    void session.write(new TextEncoder().encode("stty size; exit 5\n"));
    const { stdout, code } = await finished(session);
    expect(stdout).toContain("33 91");
    expect(stdout).not.toContain("24 80");
    expect(code).toBe(5);
  }, 30_000);

  test("runtime: what is typed into a new terminal at once is read with its size, every time", async () => {
    const { id } = await started({});
    const request = { command: ["sh", "-c", "read line; stty size"], tty: true, stdin: true, columns: 91, rows: 33 };
    const sizes = [];
    for (let time = 0; time < 5; time++) {
      const session = value(await runtime.exec(id, request));
      void session.write(new TextEncoder().encode("\n"));
      sizes.push((await finished(session)).stdout.trim());
    }
    expect(sizes).toEqual(Array(5).fill("33 91"));
  }, 30_000);

  test("runtime: a terminal takes another size while it runs", async () => {
    const { id } = await started({});
    const request = {
      command: ["sh", "-c", 'until [ "$(stty size)" = "20 70" ]; do sleep 0.05; done; echo resized'],
      ...{ tty: true, stdin: true, columns: 91, rows: 33 },
    };
    const session = value(await runtime.exec(id, request));
    session.resize(70, 20);
    expect((await finished(session)).stdout).toContain("resized");
  }, 30_000);

  test("runtime: a shell that is closed does not live on in its container", async () => {
    const { id } = await started({});
    const session = value(
      await runtime.exec(id, { command: ["sh", "-c", "sleep 4321"], tty: true, stdin: true, columns: 80, rows: 24 }),
    );
    const processes = async () => JSON.stringify(await (await engine("GET", `/containers/${id}/top`)).json());
    await until(async () => (await processes()).includes("4321"));
    session.close();
    await until(async () => !(await processes()).includes("4321"));
  }, 30_000);

  test("runtime: a bind outside the allowed paths is denied, below them it is mounted", async () => {
    const allowed = join(directory, "allowed");
    mkdirSync(join(allowed, "data"), { recursive: true });
    symlinkSync(homedir(), join(allowed, "link"));
    const by = open({ allowBind: [allowed] });
    const bind = (source: string) =>
      ({ mounts: [{ kind: "bind", source, target: "/data", readOnly: false }] }) as const;
    const create = (source: string) => by.create(createRequest(taskSpec({ privileges: none, ...bind(source) })));
    expect(await create(join(directory, "other"))).toMatchObject({
      ok: false,
      failure: { kind: "invalid", message: expect.stringContaining("create it first") },
    });
    expect(await create(directory)).toMatchObject({
      ok: false,
      failure: { kind: "denied", message: expect.stringContaining("--allow-bind") },
    });
    expect(await create(join(allowed, "link"))).toMatchObject({
      ok: false,
      failure: { kind: "denied", message: expect.stringContaining(homedir()) },
    });
    expect(await create(dockerSocket())).toMatchObject({
      ok: false,
      failure: { kind: "denied", message: expect.stringContaining("--allow-engine-socket") },
    });
    const { id } = await started(
      { command: ["sh", "-c", "echo x >/data/file; sleep 600"], ...bind(join(allowed, "data")) },
      by,
    );
    await until(() => Bun.file(join(allowed, "data", "file")).exists());
    await by.stop(id, { signal: "SIGKILL", graceMs: 0 });
  }, 30_000);

  test("runtime: a link swapped in between check and start is not mounted", async () => {
    const allowed = join(directory, "swapped");
    mkdirSync(join(allowed, "data"), { recursive: true });
    const by = open({ allowBind: [allowed] });
    const mounts = [{ kind: "bind", source: join(allowed, "data"), target: "/data", readOnly: false }] as const;
    const id = value(await by.create(createRequest(taskSpec({ privileges: none, mounts })))).instanceId;
    rmSync(join(allowed, "data"), { recursive: true });
    symlinkSync("/etc", join(allowed, "data"));
    expect(await by.start(id)).toMatchObject({
      ok: false,
      failure: { kind: "denied", message: expect.stringContaining("link") },
    });
    const fresh = open({ allowBind: [allowed] });
    expect(await fresh.start(id)).toMatchObject({ ok: false, failure: { kind: "denied" } });
  }, 30_000);
});
