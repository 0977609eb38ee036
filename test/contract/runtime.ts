/** What every Runtime promises, as tests: run for docker, for processes and for the fake. A harness says how to get one; scripts are plain sh. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Result } from "../../src/core/failure.ts";
import { DEFAULT_TASK, type TaskSpec } from "../../src/core/spec.ts";
import type { CreateRequest, Instance } from "../../src/worker/effects.ts";
import type { ExecSession, LogChunk, LogQuery, Runtime } from "../../src/worker/ports.ts";

/** The programs that the suite runs; the fake knows them by their text. */
export const SCRIPTS = {
  run: "exec sleep 600",
  exit: "exit 3",
  print: "echo one; echo two; echo three; exec sleep 600",
  both: "echo out; echo err >&2; exit 0",
  stubborn: "trap '' TERM; echo ready; while :; do sleep 1; done",
} as const;

/** The commands that the suite runs inside a task. */
export const COMMANDS = {
  fail: ["sh", "-c", "echo out; echo err >&2; exit 7"],
  cat: ["cat"],
} as const;

/** Parts of the contract that a model of a runtime may lack. */
export type RuntimePart = "output" | "exec" | "usage" | "starting twice";

/** How to get runtimes of one kind that share an engine. */
export interface RuntimeHarness {
  readonly name: string;
  /** Changes a default task into one of this runtime that runs a script. */
  readonly spec: (script: string) => TaskSpec;
  /** A task that can never work in this runtime. */
  readonly impossible: TaskSpec;
  readonly open: (nodeId: string) => Runtime;
  readonly prepare?: () => Promise<void>;
  /** What it lacks, each with its reason. */
  readonly lacks?: Readonly<Partial<Record<RuntimePart, string>>>;
  /** Ends and removes whatever is left. */
  readonly dispose: () => Promise<void>;
}

const NO_SIGNAL = new AbortController().signal;
const ALL: LogQuery = { follow: false, tail: null, sinceMs: null };
const unique = crypto.randomUUID().slice(0, 8);

/** Unwraps, with the failure as the test's message. */
export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.failure.kind}: ${result.failure.message}`);
  return result.value;
}

/** Waits for a condition, however long the test's own limit lets it. */
export async function until<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await Bun.sleep(10);
  }
}

/** Everything that an output holds. */
export async function collect(logs: AsyncIterable<LogChunk>): Promise<LogChunk[]> {
  return Array.fromAsync(logs);
}

/** A session's output by stream, and its exit code. */
export async function finished(session: ExecSession): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const text = { stdout: "", stderr: "" };
  const decoder = new TextDecoder();
  for await (const { stream, data } of session.output) text[stream] += decoder.decode(data);
  return { ...text, code: await session.exitCode };
}

let serial = 0;

/** A request for a task of its own. */
function requestFor(spec: TaskSpec): CreateRequest {
  serial += 1;
  const taskId = `${unique}${String(serial).padStart(4, "0")}${unique}`;
  return {
    taskId,
    incarnation: 1,
    jobId: `job-${taskId}`,
    name: "contract",
    service: "main",
    slot: 0,
    spec,
    specHash: "hash-1",
  };
}

/** A task with every default and nothing said. */
export const PLAIN: TaskSpec = { ...DEFAULT_TASK, pull: "never" };

/** Declares the suite. */
export function runtimeContract(harness: RuntimeHarness): void {
  const { name, lacks = {} } = harness;
  const testOf = (part: RuntimePart) => test.skipIf(lacks[part] !== undefined);
  const nodeId = `node-a-${unique}`;
  describe(`runtime contract: ${name}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      await harness.prepare?.();
      runtime = harness.open(nodeId);
    });
    afterAll(async () => {
      for (const instance of value(await runtime.list())) {
        await runtime.stop(instance.instanceId, { signal: "SIGKILL", graceMs: 0 });
        await runtime.remove(instance.instanceId);
      }
      await runtime.close();
      await harness.dispose();
    });

    async function made(script: string): Promise<{ request: CreateRequest; id: string }> {
      const request = requestFor(harness.spec(script));
      value(await runtime.pull(request.spec, () => {}, NO_SIGNAL));
      return { request, id: value(await runtime.create(request)).instanceId };
    }

    async function started(script: string): Promise<{ request: CreateRequest; id: string; instance: Instance }> {
      const created = await made(script);
      return { ...created, instance: value(await runtime.start(created.id)) };
    }

    const ended = (id: string) => until(async () => value(await runtime.inspect(id)).status === "exited");
    const printed = async (id: string, count: number): Promise<void> => {
      if (lacks.output === undefined)
        await until(async () => (await collect(runtime.logs(id, ALL, NO_SIGNAL))).length >= count);
    };

    test(`runtime ${name}: a probe names a version and no problem`, async () => {
      expect(await runtime.probe()).toEqual({ kind: runtime.kind, version: expect.stringMatching(/./), problem: "" });
    });

    test(`runtime ${name}: an instance is created, runs, is stopped and removed`, async () => {
      const { request, id } = await made(SCRIPTS.run);
      const created = value(await runtime.inspect(id));
      expect(created).toMatchObject({ status: "created", exitCode: null, startedMs: 0, finishedMs: 0 });
      const running = value(await runtime.start(id));
      expect(running).toMatchObject({
        taskId: request.taskId,
        incarnation: 1,
        instanceId: id,
        runtime: runtime.kind,
        status: "running",
        specHash: "hash-1",
        exitCode: null,
        oomKilled: false,
      });
      expect(running.startedMs).toBeGreaterThan(0);
      value(await runtime.stop(id, { signal: "", graceMs: 10_000 }));
      const stopped = value(await runtime.inspect(id));
      expect(stopped).toMatchObject({ status: "exited", exitCode: expect.any(Number) });
      expect(stopped.finishedMs).toBeGreaterThanOrEqual(stopped.startedMs);
      value(await runtime.remove(id));
      expect(await runtime.inspect(id)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
    }, 30_000);

    test(`runtime ${name}: the exit code of a task that ends by itself is told`, async () => {
      const { id } = await started(SCRIPTS.exit);
      await ended(id);
      expect(value(await runtime.inspect(id))).toMatchObject({ status: "exited", exitCode: 3 });
    }, 30_000);

    test(`runtime ${name}: a repeated create adopts the incarnation, a higher one is another instance`, async () => {
      const { request, id } = await made(SCRIPTS.run);
      expect(value(await runtime.create(request)).instanceId).toBe(id);
      const next = value(await runtime.create({ ...request, incarnation: 2 })).instanceId;
      expect(next).not.toBe(id);
      const other = harness.open(nodeId);
      expect(value(await other.create(request)).instanceId).toBe(id);
      await other.close();
    }, 30_000);

    testOf("starting twice")(
      `runtime ${name}: an incarnation runs at most once`,
      async () => {
        const { id } = await started(SCRIPTS.both);
        await ended(id);
        await printed(id, 2);
        const first = value(await runtime.inspect(id));
        expect(value(await runtime.start(id))).toEqual(first);
        const other = harness.open(nodeId);
        expect(value(await other.start(id))).toMatchObject({ status: "exited", startedMs: first.startedMs });
        await other.close();
        expect(await collect(runtime.logs(id, ALL, NO_SIGNAL))).toHaveLength(2);
      },
      30_000,
    );

    test(`runtime ${name}: starting what runs already is a success`, async () => {
      const { id, instance } = await started(SCRIPTS.run);
      expect(value(await runtime.start(id))).toMatchObject({ status: "running", startedMs: instance.startedMs });
    }, 30_000);

    test(`runtime ${name}: a task that ignores its signal is killed after its grace`, async () => {
      const { id } = await started(SCRIPTS.stubborn);
      await printed(id, 1);
      value(await runtime.stop(id, { signal: "", graceMs: 500 }));
      expect(value(await runtime.inspect(id))).toMatchObject({ status: "exited", exitCode: 137 });
    }, 30_000);

    test(`runtime ${name}: a stop sends the signal that it is given`, async () => {
      const { id } = await started(SCRIPTS.stubborn);
      await printed(id, 1);
      value(await runtime.stop(id, { signal: "SIGKILL", graceMs: 20_000 }));
      expect(value(await runtime.inspect(id)).status).toBe("exited");
    }, 15_000);

    test(`runtime ${name}: stop and remove succeed for what is dead or gone`, async () => {
      const { id } = await started(SCRIPTS.exit);
      await ended(id);
      for (let time = 0; time < 2; time++) value(await runtime.stop(id, { signal: "", graceMs: 1_000 }));
      for (let time = 0; time < 2; time++) value(await runtime.remove(id));
      value(await runtime.stop(id, { signal: "", graceMs: 1_000 }));
    }, 30_000);

    test(`runtime ${name}: a created instance is removed without ever running`, async () => {
      const { id } = await made(SCRIPTS.run);
      value(await runtime.remove(id));
      expect(value(await runtime.list()).some((instance) => instance.instanceId === id)).toBe(false);
    }, 30_000);

    testOf("output")(
      `runtime ${name}: output comes by stream with its time, tail and since`,
      async () => {
        const { id, instance } = await started(SCRIPTS.print);
        await printed(id, 3);
        const all = await collect(runtime.logs(id, ALL, NO_SIGNAL));
        expect(all.map(({ stream, text }) => `${stream} ${text}`)).toEqual([
          "stdout one",
          "stdout two",
          "stdout three",
        ]);
        for (const { atMs } of all) expect(atMs).toBeGreaterThanOrEqual(instance.startedMs - 2_000);
        const tail = await collect(runtime.logs(id, { ...ALL, tail: 2 }, NO_SIGNAL));
        expect(tail.map(({ text }) => text)).toEqual(["two", "three"]);
        const lastMs = all.at(-1)?.atMs ?? 0;
        expect(await collect(runtime.logs(id, { ...ALL, sinceMs: lastMs }, NO_SIGNAL))).toEqual([]);
        expect(await collect(runtime.logs(id, { ...ALL, sinceMs: 1 }, NO_SIGNAL))).toHaveLength(3);
      },
      30_000,
    );

    testOf("output")(
      `runtime ${name}: both streams are told apart`,
      async () => {
        const { id } = await started(SCRIPTS.both);
        await printed(id, 2);
        const found = (await collect(runtime.logs(id, ALL, NO_SIGNAL))).map(({ stream, text }) => `${stream} ${text}`);
        expect(found.sort()).toEqual(["stderr err", "stdout out"]);
      },
      30_000,
    );

    testOf("output")(
      `runtime ${name}: followed output ends with the task`,
      async () => {
        const { id } = await started(SCRIPTS.print);
        const texts: string[] = [];
        for await (const { text } of runtime.logs(id, { ...ALL, follow: true }, NO_SIGNAL)) {
          texts.push(text);
          if (texts.length === 3) value(await runtime.stop(id, { signal: "SIGKILL", graceMs: 0 }));
        }
        expect(texts).toEqual(["one", "two", "three"]);
      },
      30_000,
    );

    testOf("output")(
      `runtime ${name}: followed output ends when its reader says so`,
      async () => {
        const { id } = await started(SCRIPTS.print);
        const abort = new AbortController();
        const texts: string[] = [];
        for await (const { text } of runtime.logs(id, { ...ALL, follow: true }, abort.signal)) {
          texts.push(text);
          if (texts.length === 3) abort.abort();
        }
        expect(texts).toEqual(["one", "two", "three"]);
      },
      30_000,
    );

    testOf("exec")(
      `runtime ${name}: a command inside a task gives its streams and its code`,
      async () => {
        const { id } = await started(SCRIPTS.run);
        const request = { command: COMMANDS.fail, tty: false, stdin: false, columns: 80, rows: 24 };
        expect(await finished(value(await runtime.exec(id, request)))).toEqual({
          stdout: "out\n",
          stderr: "err\n",
          code: 7,
        });
      },
      30_000,
    );

    testOf("exec")(
      `runtime ${name}: a command reads its input to the end`,
      async () => {
        const { id } = await started(SCRIPTS.run);
        const request = { command: COMMANDS.cat, tty: false, stdin: true, columns: 80, rows: 24 };
        const session = value(await runtime.exec(id, request));
        void session.write(new TextEncoder().encode("hello\n"));
        session.closeInput();
        expect(await finished(session)).toEqual({ stdout: "hello\n", stderr: "", code: 0 });
      },
      30_000,
    );

    testOf("exec")(
      `runtime ${name}: no command runs in a task that has ended`,
      async () => {
        const { id } = await started(SCRIPTS.exit);
        await ended(id);
        const request = { command: COMMANDS.cat, tty: false, stdin: true, columns: 80, rows: 24 };
        expect(await runtime.exec(id, request)).toMatchObject({ ok: false, failure: { kind: "conflict" } });
      },
      30_000,
    );

    test(`runtime ${name}: another node's instances are neither listed nor touched`, async () => {
      const other = harness.open(`node-b-${unique}`);
      const { id } = await started(SCRIPTS.run);
      expect(value(await other.list())).toEqual([]);
      expect(await other.inspect(id)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
      value(await other.stop(id, { signal: "SIGKILL", graceMs: 0 }));
      value(await other.remove(id));
      expect(value(await runtime.inspect(id)).status).toBe("running");
      await other.close();
    }, 30_000);

    test(`runtime ${name}: a death is told to those who watch`, async () => {
      const { request, id } = await started(SCRIPTS.run);
      const died = Promise.withResolvers<void>();
      using _watch = runtime.watch((event) => {
        if (event.kind === "died" && event.of.taskId === request.taskId && event.instanceId === id) died.resolve();
        // Whoever is told to list anew finds a death that came before.
        if (event.kind === "resync")
          void runtime.inspect(id).then((now) => now.ok && now.value.status === "exited" && died.resolve());
      });
      value(await runtime.stop(id, { signal: "SIGKILL", graceMs: 0 }));
      await died.promise;
      expect(value(await runtime.inspect(id)).status).toBe("exited");
    }, 30_000);

    testOf("usage")(
      `runtime ${name}: use is told for what runs and left out for what does not`,
      async () => {
        const { id, instance } = await started(SCRIPTS.run);
        const dead = await started(SCRIPTS.exit);
        await ended(dead.id);
        const use = await runtime.usage([instance, value(await runtime.inspect(dead.id))]);
        expect([...use.keys()]).toEqual([id]);
        expect(use.get(id)).toEqual({ cpuMillis: expect.any(Number), memoryBytes: expect.any(Number) });
      },
      30_000,
    );

    test(`runtime ${name}: what can never work is refused as invalid, and nothing is left of it`, async () => {
      const request = requestFor(harness.impossible);
      const refused = await runtime.create(request);
      expect(refused).toEqual({ ok: false, failure: { kind: "invalid", message: expect.stringMatching(/./) } });
      expect(value(await runtime.list()).some((instance) => instance.taskId === request.taskId)).toBe(false);
    }, 30_000);

    test(`runtime ${name}: a pull that was stopped before it began says so`, async () => {
      const stopped = await runtime.pull(harness.spec(SCRIPTS.run), () => {}, AbortSignal.abort());
      expect(stopped).toMatchObject({ ok: false, failure: { kind: "aborted" } });
    });

    test(`runtime ${name}: what is not there is not found`, async () => {
      const missing = "rt-nothing-here-1";
      expect(await runtime.inspect(missing)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
      expect(await runtime.start(missing)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
      value(await runtime.stop(missing, { signal: "", graceMs: 0 }));
      value(await runtime.remove(missing));
      expect(await collect(runtime.logs(missing, ALL, NO_SIGNAL))).toEqual([]);
    }, 30_000);
  });
}
