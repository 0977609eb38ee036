/** What only plain processes do: outlive their worker, be found again, keep their output, be refused what cannot be enforced. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_PRIVILEGES, type TaskSpec } from "../../src/core/spec.ts";
import { createProcessRuntime } from "../../src/runtime/process.ts";
import { keepOutput, processLogs } from "../../src/runtime/process-logs.ts";
import { signalNumber } from "../../src/runtime/process-spec.ts";
import { mainOf, supervisorOf } from "../../src/runtime/process-supervisor.ts";
import type { CreateRequest, Instance } from "../../src/worker/effects.ts";
import type { LogQuery, Runtime } from "../../src/worker/ports.ts";
import { collect, finished, until, value } from "../contract/runtime.ts";
import { createRequest, taskSpec } from "./requests.ts";

const NO_SIGNAL = new AbortController().signal;
const ALL: LogQuery = { follow: false, tail: null, sinceMs: null };
const root = mkdtempSync(join(tmpdir(), "cube-process-"));
const runtimes: Runtime[] = [];

function open(directory = join(root, "shared"), nodeId = "n1"): Runtime {
  const runtime = createProcessRuntime({ directory, nodeId });
  runtimes.push(runtime);
  return runtime;
}

function processSpec(script: string, part: Partial<TaskSpec> = {}): TaskSpec {
  return taskSpec({ runtime: "process", image: "", command: ["sh", "-c", script], ...part });
}

async function started(
  runtime: Runtime,
  spec: TaskSpec,
): Promise<{ id: string; instance: Instance; request: CreateRequest; directory: string }> {
  const request = createRequest(spec);
  const id = value(await runtime.create(request)).instanceId;
  const instance = value(await runtime.start(id));
  return { id, instance, request, directory: join(root, "shared", id) };
}

const ended = (runtime: Runtime, id: string) =>
  until(async () => {
    const found = value(await runtime.inspect(id));
    return found.status === "exited" && found;
  });
const printed = (runtime: Runtime, id: string, text: string) =>
  until(async () => (await collect(runtime.logs(id, ALL, NO_SIGNAL))).some((line) => line.text.includes(text)));
const kill = (runtime: Runtime, id: string) => runtime.stop(id, { signal: "SIGKILL", graceMs: 0 });

afterAll(async () => {
  for (const directory of ["shared", "orphan"]) {
    const runtime = open(join(root, directory));
    for (const { instanceId } of value(await runtime.list())) await kill(runtime, instanceId);
  }
  for (const runtime of runtimes) await runtime.close();
  rmSync(root, { recursive: true, force: true });
});

describe("runtime: a worker's sudden end", () => {
  /** A worker of its own that starts one task and is then killed. */
  async function orphan(script: string): Promise<{ directory: string; id: string }> {
    const directory = join(root, "orphan");
    const request = createRequest(processSpec(script));
    const worker = Bun.spawn(
      [process.execPath, join(import.meta.dir, "programs/process-worker.ts"), directory, JSON.stringify(request)],
      { stdout: "pipe" },
    );
    for await (const text of worker.stdout) if (String(new TextDecoder().decode(text)).includes("started")) break;
    worker.kill("SIGKILL");
    await worker.exited;
    return { directory, id: `${request.taskId}-1` };
  }

  test("runtime: a process lives on, is found again with its output, and its later end and code are told", async () => {
    const { directory, id } = await orphan("echo before; trap 'exit 9' USR1; while :; do sleep 0.05; done");
    const runtime = open(directory);
    const adopted = value(await runtime.list()).find((instance) => instance.instanceId === id);
    expect(adopted).toMatchObject({ status: "running", exitCode: null });
    await printed(runtime, id, "before");
    const died = Promise.withResolvers<string>();
    using _watch = runtime.watch((event) => event.kind === "died" && died.resolve(event.instanceId));
    process.kill(mainOf(join(directory, id))?.pid ?? 0, "SIGUSR1");
    expect(await died.promise).toBe(id);
    expect(value(await runtime.inspect(id))).toMatchObject({
      status: "exited",
      exitCode: 9,
      startedMs: adopted?.startedMs,
    });
  }, 20_000);

  test("runtime: an adopted process is stopped like any other", async () => {
    const { directory, id } = await orphan("exec sleep 600");
    const runtime = open(directory);
    value(await runtime.stop(id, { signal: "", graceMs: 5_000 }));
    expect(value(await runtime.inspect(id))).toMatchObject({ status: "exited", exitCode: 143 });
  }, 20_000);
});

test("runtime: a process whose supervisor was killed is still found and stopped; its code is not known if it ends alone", async () => {
  const runtime = open();
  const one = await started(runtime, processSpec("exec sleep 600"));
  process.kill(supervisorOf(one.directory)?.pid ?? 0, "SIGKILL");
  expect(value(await runtime.inspect(one.id)).status).toBe("running");
  process.kill(mainOf(one.directory)?.pid ?? 0, "SIGTERM");
  expect(await ended(runtime, one.id)).toMatchObject({ exitCode: null });
  const two = await started(runtime, processSpec("exec sleep 600"));
  process.kill(supervisorOf(two.directory)?.pid ?? 0, "SIGKILL");
  await kill(runtime, two.id);
  expect(value(await runtime.inspect(two.id))).toMatchObject({ status: "exited", exitCode: 137 });
}, 20_000);

test("runtime: after a reboot what ran has ended, with a code that nobody knows", async () => {
  const runtime = open();
  const { id, directory } = await started(runtime, processSpec("exec sleep 600"));
  const boot = readFileSync(join(directory, "run/boot"), "utf8");
  writeFileSync(join(directory, "run/boot"), "another-boot\n");
  expect(value(await runtime.inspect(id))).toMatchObject({ status: "exited", exitCode: null });
  writeFileSync(join(directory, "run/boot"), boot);
  await kill(runtime, id);
}, 20_000);

test("runtime: a number that another process has by now is left alone", async () => {
  const runtime = open();
  const { id, directory } = await started(runtime, processSpec("exit 0"));
  await ended(runtime, id);
  const stranger = Bun.spawn(["sleep", "600"], { detached: true });
  rmSync(join(directory, "run/exit"));
  // The stranger's number, with the start time of a process that had it before: the 22nd field of proc(5), here never the stranger's own.
  const fields = readFileSync(join(directory, "run/main"), "utf8").split(" ");
  fields.splice(0, 1, String(stranger.pid));
  fields.splice(21, 1, String(Number(fields[21]) - 1));
  writeFileSync(join(directory, "run/main"), fields.join(" "));
  value(await kill(runtime, id));
  expect(value(await runtime.inspect(id)).status).toBe("exited");
  expect(stranger.exitCode).toBeNull();
  expect(stranger.signalCode).toBeNull();
  stranger.kill();
  await stranger.exited;
}, 20_000);

test("runtime: a stop takes the whole family along, also who has left the group", async () => {
  const runtime = open();
  const { id } = await started(
    runtime,
    processSpec("sleep 601 & setsid sleep 602 & trap '' TERM; echo ready; while :; do sleep 1; done"),
  );
  await printed(runtime, id, "ready");
  const family = await until(async () => {
    const found = processesWith(`n1/${id}`);
    return found.length >= 3 && found;
  });
  value(await runtime.stop(id, { signal: "", graceMs: 100 }));
  expect(family.filter((pid) => existsSync(`/proc/${pid}`) && !isZombie(pid))).toEqual([]);
}, 20_000);

test("runtime: children of a task that ends by itself do not outlive it", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("sleep 603 & setsid sleep 604 & echo ready; exit 0"));
  await ended(runtime, id);
  await until(async () => processesWith(`n1/${id}`).length === 0);
}, 20_000);

function processesWith(mark: string): number[] {
  const listed = Bun.spawnSync(["sh", "-c", `grep -la 'CUBE_INSTANCE=${mark}' /proc/[0-9]*/environ 2>/dev/null`]);
  const found = [...listed.stdout.toString().matchAll(/\/proc\/(\d+)\//g)].map((match) => Number(match[1]));
  return found.filter((pid) => !isZombie(pid));
}

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

test("runtime: a task gets its environment and directory and nothing of the worker's secrets", async () => {
  process.env.CUBE_SECRET_FOR_TEST = "secret";
  const runtime = open();
  const { id } = await started(
    runtime,
    processSpec("pwd; echo $A; env; echo end", { env: { A: "b c" }, workingDir: "/usr" }),
  );
  await printed(runtime, id, "end");
  const lines = (await collect(runtime.logs(id, ALL, NO_SIGNAL))).map(({ text }) => text);
  delete process.env.CUBE_SECRET_FOR_TEST;
  expect(lines.slice(0, 2)).toEqual(["/usr", "b c"]);
  expect(lines.join("\n")).not.toContain("secret");
}, 20_000);

for (const stopSignal of ["SIGINT", "INT", "2"])
  test(`runtime: the signal ${stopSignal} reaches a task that wants to be stopped by it`, async () => {
    const runtime = open();
    const { id } = await started(
      runtime,
      processSpec("trap 'exit 6' INT; echo ready; while :; do sleep 0.05; done", { stopSignal }),
    );
    await printed(runtime, id, "ready");
    value(await runtime.stop(id, { signal: "", graceMs: 5_000 }));
    expect(value(await runtime.inspect(id)).exitCode).toBe(6);
  }, 20_000);

test("runtime: signals are named and numbered as docker does", () => {
  const right = { "": 15, TERM: 15, SIGKILL: 9, CLD: 17, "9": 9, "64": 64, "SIGRTMIN+3": 37, "RTMAX-1": 63, RTMIN: 34 };
  for (const [name, number] of Object.entries(right)) expect([name, signalNumber(name)]).toEqual([name, number]);
  for (const wrong of ["0", "65", "007", "-9", "SIGNOPE", "SIGRTMIN+31", "RTMIN-1", "SIG", "2x"])
    expect(signalNumber(wrong)).toBeNull();
});

test("runtime: ports are reservations; 0 means the same number as inside", async () => {
  const port = { containerPort: 8080, hostPort: 0, protocol: "tcp", hostIp: "" } as const;
  const { instance } = await started(open(), processSpec("exec sleep 600", { ports: [port] }));
  expect(instance.ports).toEqual([{ ...port, hostPort: 8080 }]);
}, 20_000);

test("runtime: a shell beside a process has a terminal of the right size and says its code", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("exec sleep 600", { env: { WORD: "hello" } }));
  const session = value(await runtime.exec(id, { command: ["sh"], tty: true, stdin: true, columns: 91, rows: 33 }));
  void session.write(new TextEncoder().encode("stty size; echo $WORD; exit 5\n"));
  const { stdout, code } = await finished(session);
  expect(stdout).toContain("33 91");
  expect(stdout).toContain("hello");
  expect(code).toBe(5);
}, 20_000);

test("runtime: the end of much output on a terminal is not cut off", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("exec sleep 600"));
  const command = ["sh", "-c", "seq 20000; echo last"];
  const session = value(await runtime.exec(id, { command, tty: true, stdin: true, columns: 80, rows: 24 }));
  expect((await finished(session)).stdout).toEndWith("19999\r\n20000\r\nlast\r\n");
}, 20_000);

test("runtime: empty input to a terminal is taken at once", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("exec sleep 600"));
  const session = value(await runtime.exec(id, { command: ["cat"], tty: true, stdin: true, columns: 80, rows: 24 }));
  await session.write(new Uint8Array());
  session.close();
  await finished(session);
}, 20_000);

test("runtime: input holds its writer back until the command reads it, or ends", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("exec sleep 600"));
  for (const tty of [true, false]) {
    const go = join(root, `go-${tty}`);
    const script = `stty raw -echo; echo up; until [ -e ${go} ]; do sleep 0.02; done; head -c 400000 | wc -c; exec sleep 606`;
    const size = { stdin: true, columns: 80, rows: 24 };
    const session = value(await runtime.exec(id, { command: ["sh", "-c", `(${script}) 2>&1`], tty, ...size }));
    const output = session.output[Symbol.asyncIterator]();
    for (let text = ""; !text.includes("up"); text += Buffer.from((await output.next()).value.data).toString());
    const [piece, taken] = [new Uint8Array(400_000), [false, false]];
    const first = session.write(piece).then(() => (taken[0] = true));
    // A whole other command comes and goes meanwhile.
    await finished(value(await runtime.exec(id, { command: ["true"], tty: false, ...size })));
    expect(taken).toEqual([false, false]);
    writeFileSync(go, "");
    await first;
    expect(
      Buffer.from((await output.next()).value.data)
        .toString()
        .trim(),
    ).toBe("400000");
    const last = session.write(piece).then(() => (taken[1] = true));
    session.close();
    await last;
    expect([taken, await session.exitCode]).toEqual([[true, true], expect.any(Number)]);
  }
}, 20_000);

test("runtime: a command that is closed ends", async () => {
  const runtime = open();
  const { id } = await started(runtime, processSpec("exec sleep 600"));
  for (const tty of [true, false]) {
    const session = value(
      await runtime.exec(id, { command: ["sleep", "605"], tty, stdin: true, columns: 80, rows: 24 }),
    );
    session.close();
    expect(await session.exitCode).not.toBe(0);
  }
}, 20_000);

test("runtime: CPU and memory of a process and its children are measured", async () => {
  const runtime = open();
  const { id, instance } = await started(runtime, processSpec("sh -c 'while :; do :; done' & wait"));
  const use = await until(async () => {
    const found = (await runtime.usage([instance])).get(id);
    return found && found.cpuMillis > 200 && found;
  });
  expect(use.memoryBytes).toBeGreaterThan(100_000);
  await kill(runtime, id);
}, 20_000);

describe("runtime: what a plain process cannot have is refused as invalid", () => {
  const privileges = (part: Partial<TaskSpec["privileges"]>) => ({ privileges: { ...NO_PRIVILEGES, ...part } });
  const resources = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };
  const port = { containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" } as const;
  const cases: readonly [string, Partial<TaskSpec>, string][] = [
    ["an image", { image: "a:1" }, "has no image"],
    ["a memory limit", { resources: { ...resources, memoryBytes: 1 << 20 } }, "memory limit"],
    ["a CPU limit", { resources: { ...resources, cpuMillis: 100 } }, "CPU limit"],
    ["a mount", { mounts: [{ kind: "tmpfs", source: "", target: "/t", readOnly: false }] }, "mount /t"],
    ["a user", { user: "nobody" }, "user nobody"],
    ["no network", privileges({ network: "none" }), "network none"],
    ["privileges", privileges({ capAdd: ["SYS_ADMIN"] }), "privileges"],
    ["a mapped port", { ports: [port] }, "port 8080:80"],
    ["no command", { command: [] }, "no command"],
    ["a program that is not there", { command: ["/no/such"] }, "program /no/such"],
    ["a directory that is not there", { workingDir: "/no/such" }, "working directory /no/such"],
    ["a signal that is none", { stopSignal: "SIGNOPE" }, "SIGNOPE"],
    ["a number that is no signal", { stopSignal: "65" }, "65"],
    ["an environment name with =", { env: { "A=B": "" } }, "environment variable"],
  ];
  test.each(cases)("runtime: %s", async (_name, part, words) => {
    const refused = await open().create(createRequest(processSpec("true", part)));
    expect(refused).toEqual({ ok: false, failure: { kind: "invalid", message: expect.stringContaining(words) } });
  });

  test("runtime: a task id that is a path", async () => {
    const refused = await open().create(createRequest(processSpec("true"), { taskId: "../x" }));
    expect(refused).toMatchObject({ ok: false, failure: { kind: "invalid" } });
  });
});

describe("runtime: output of processes", () => {
  const control = { signal: NO_SIGNAL, ended: () => true };
  let serial = 0;
  function outputOf(stdout: string): string {
    serial += 1;
    const directory = mkdtempSync(join(root, `output-${serial}-`));
    writeFileSync(join(directory, "stdout"), stdout);
    return directory;
  }
  const texts = async (directory: string, query: Partial<LogQuery> = {}) =>
    (await collect(processLogs(directory, { ...ALL, ...query }, control))).map(({ text }) => text);

  test("runtime: past its bound output moves away and both parts are read", async () => {
    const directory = outputOf("a1\na2\na3\n");
    keepOutput(directory, 6);
    expect(statSync(join(directory, "stdout")).size).toBe(0);
    writeFileSync(join(directory, "stdout"), "b1\n", { flag: "a" });
    expect(await texts(directory)).toEqual(["a2", "a3", "b1"]);
    expect(await texts(directory, { tail: 2 })).toEqual(["a3", "b1"]);
  });

  test("runtime: a tail is read from the end, whatever the size", async () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at} ${"x".repeat(20)}`);
    const directory = outputOf(`${lines.join("\n")}\n`);
    expect(await texts(directory, { tail: 3 })).toEqual(lines.slice(-3));
    expect(await texts(directory, { tail: 5_000 })).toEqual(lines.slice(-5_000));
    expect(await texts(directory, { tail: 0 })).toEqual([]);
  });

  test("runtime: an unfinished line is shown, a long one comes in pieces", async () => {
    expect(await texts(outputOf(`a\n${"b".repeat(20_000)}\nrest`))).toEqual([
      "a",
      "b".repeat(16_384),
      "b".repeat(20_000 - 16_384),
      "rest",
    ]);
  });

  test("runtime: followed output goes on across a move and gives each line once", async () => {
    const directory = outputOf("one\n");
    const seen: string[] = [];
    let over = false;
    const following = { signal: NO_SIGNAL, ended: () => over };
    for await (const { text } of processLogs(directory, { ...ALL, follow: true }, following)) {
      seen.push(text);
      const file = join(directory, "stdout");
      if (text === "one") writeFileSync(file, "two\n", { flag: "a" });
      if (text === "two") {
        keepOutput(directory, 4);
        writeFileSync(file, "three\nhalf", { flag: "a" });
        over = true;
      }
    }
    expect(seen).toEqual(["one", "two", "three", "half"]);
  });

  test("runtime: lines keep the time at which they were first seen", async () => {
    const directory = outputOf("old\n");
    keepOutput(directory);
    const file = join(directory, "stdout");
    const times = readFileSync(`${file}.times`, "utf8");
    const oldMs = Number(times.split(" ")[1]);
    writeFileSync(`${file}.times`, `4 ${oldMs - 60_000}\n`);
    writeFileSync(file, "new\n", { flag: "a" });
    const lines = await collect(processLogs(directory, ALL, control));
    expect(lines.map(({ atMs, text }) => [text, atMs < oldMs - 30_000])).toEqual([
      ["old", true],
      ["new", false],
    ]);
    const since = await collect(processLogs(directory, { ...ALL, sinceMs: oldMs - 60_000 }, control));
    expect(since.map(({ text }) => text)).toEqual(["new"]);
  });
});
