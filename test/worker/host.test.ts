/** The worker's host on the fake runtime: the machine's effects become calls, and their outcomes events. */
import { expect, test } from "bun:test";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { FakeEngine, FakeRuntime } from "../fakes/runtime.ts";
import { assignment, FACTS, MANAGER } from "./driver.ts";
import { QUICK, type Rig, STILL, startRig } from "./host-setup.ts";

test("worker host: a task runs, is stopped and removed, with one append before its container is created", async () => {
  const { host, engine, journal, link } = await startRig();
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  expect(engine.calls.filter((call) => call.includes("t1"))).toEqual(["create t1#1", "start c-t1#1"]);
  expect(journal.appends).toBe(2);
  link.assign(assignment("t1", {}, { desired: "stop" }));
  await link.reported("t1", "1:stopped");
  link.assign();
  await link.until(() => link.sent.some((message) => message.kind === "report" && message.removed.includes("t1")));
  expect([...engine.instances.keys()]).toEqual([]);
  // Accepted may be told by itself or together with the next: that is a matter of how quick the disk is.
  const inOrder = ["1:pulling", "1:starting", "1:running", "1:stopping", "1:stopped"];
  expect([...new Set(link.states("t1"))].filter((state) => state !== "1:accepted")).toEqual(inOrder);
  await host.close();
});

test("worker host: closed and started again it adopts what runs and starts nothing", async () => {
  const first = await startRig();
  first.link.assign(assignment("t1"));
  await first.link.reported("t1", "1:running");
  await first.host.close();
  expect(first.engine.find({ taskId: "t1", incarnation: 1 })?.instance.status).toBe("running");
  const second = await startRig({ engine: first.engine, journal: first.journal });
  await second.link.reported("t1", "1:running");
  expect(first.engine.find({ taskId: "t1", incarnation: 1 })?.starts).toBe(1);
  expect(first.engine.instances.size).toBe(1);
  await second.host.close();
});

test("worker host: a task that ends is started again as its next incarnation", async () => {
  const { host, engine, link } = await startRig();
  link.assign(assignment("t1", QUICK));
  await link.reported("t1", "1:running");
  engine.exit({ taskId: "t1", incarnation: 1 }, 3);
  await link.reported("t1", "2:running");
  const [fact] = host.tasks();
  expect(fact?.exits.map(({ incarnation, code, reason }) => ({ incarnation, code, reason }))).toEqual([
    { incarnation: 1, code: 3, reason: "exit code 3" },
  ]);
  await host.close();
});

test("worker host: while the journal cannot be written nothing is started, and afterwards it is", async () => {
  const { host, engine, journal, link, lines } = await startRig();
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  journal.broken = "no space left on device";
  link.assign(assignment("t1"), assignment("t2"));
  await link.until(() => lines.some((line) => line.includes("no space left on device")));
  expect(engine.calls).not.toContain("create t2#1");
  expect(host.problem()).toContain("no space left on device");
  journal.broken = "";
  await link.reported("t2", "1:running");
  expect(host.problem()).toBe("");
  await host.close();
});

test("worker host: heartbeats carry the node's sample and the use of each running task", async () => {
  const { host, engine, link } = await startRig();
  engine.usage.set("c-t1#1", { cpuMillis: 7, memoryBytes: 8 });
  link.assign(assignment("t1"));
  await link.until(() =>
    link.sent.some((message) => message.kind === "heartbeat" && message.metrics?.tasks[0]?.cpuMillis === 7),
  );
  expect(host.stats()).toMatchObject({ cpuMillis: 1, tasks: [{ taskId: "t1", cpuMillis: 7, memoryBytes: 8 }] });
  await host.close();
});

test("worker host: an engine that stops answering is told to the manager, and its return brings waiting tasks up", async () => {
  const { host, engine, link } = await startRig();
  engine.problem = "connection refused";
  const problems = (): string[] =>
    link.sent.flatMap((message) => (message.kind === "facts" ? message.facts.runtimes.map((one) => one.problem) : []));
  await link.until(() => problems().includes("connection refused"));
  link.assign(assignment("t1"));
  await link.until(() => host.tasks()[0]?.message.includes("connection refused") === true);
  engine.problem = "";
  await link.reported("t1", "1:running");
  expect(problems()).toEqual(["connection refused", ""]);
  await host.close();
});

test("worker host: a followed log goes on through a restart and ends with the task", async () => {
  const rig = await startRig();
  rig.link.assign(assignment("t1", QUICK));
  await rig.link.reported("t1", "1:running");
  rig.engine.print({ taskId: "t1", incarnation: 1 }, "one");
  const seen: string[] = [];
  const query = { follow: true, tail: null, sinceMs: null };
  const reading = (async () => {
    for await (const chunk of rig.host.logs("t1", query, new AbortController().signal)) seen.push(chunk.text);
  })();
  rig.engine.exit({ taskId: "t1", incarnation: 1 }, 1);
  await rig.link.reported("t1", "2:running");
  rig.engine.print({ taskId: "t1", incarnation: 2 }, "two");
  rig.link.assign(assignment("t1", QUICK, { desired: "stop" }));
  await reading;
  expect(seen).toEqual(["one", "two"]);
  await rig.host.close();
});

test("worker host: a followed log goes on when its stream breaks while the task runs, with no line twice and none left out", async () => {
  const engine = new FakeEngine();
  const runtime = new FakeRuntime("n1", engine);
  const whole = runtime.logs.bind(runtime);
  let streams = 0;
  // The first stream breaks after two lines, the next one before its first.
  runtime.logs = async function* (instanceId, query, signal) {
    streams += 1;
    let left = streams === 1 ? 2 : streams === 2 ? 0 : Number.POSITIVE_INFINITY;
    for await (const chunk of whole(instanceId, query, signal)) {
      if (left-- <= 0) return;
      yield chunk;
    }
  };
  const { host, link } = await startRig({ engine, runtime });
  link.assign(assignment("t1", QUICK));
  await link.reported("t1", "1:running");
  for (const line of ["one", "two", "three", "four"]) engine.print({ taskId: "t1", incarnation: 1 }, line);
  const ended = new AbortController();
  const seen: string[] = [];
  for await (const { text } of host.logs("t1", { follow: true, tail: null, sinceMs: null }, ended.signal)) {
    seen.push(text);
    if (text === "four") engine.exit({ taskId: "t1", incarnation: 1 }, 1);
    if (text === "four") await link.reported("t1", "2:running");
    if (text === "four") engine.print({ taskId: "t1", incarnation: 2 }, "after the restart");
    if (text === "after the restart") ended.abort();
  }
  expect([seen, streams]).toEqual([["one", "two", "three", "four", "after the restart"], 5]);
  await host.close();
});

test("worker host: a command runs in a running task only", async () => {
  const { host, link } = await startRig();
  const request = { command: ["true"], tty: false, stdin: false, columns: 80, rows: 24 };
  expect(await host.exec("t1", request)).toMatchObject({ ok: false, failure: { kind: "not_found" } });
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  const opened = await host.exec("t1", request);
  expect(opened.ok && (await opened.value.exitCode)).toBe(0);
  expect(await host.inspectRaw("t1")).toEqual({ ok: true, value: { Id: "c-t1#1", State: { Status: "running" } } });
  await host.close();
});

test("worker host: two workers on one engine leave each other's containers alone", async () => {
  const engine = new FakeEngine();
  const one = await startRig({ nodeId: "n1", engine });
  one.link.assign(assignment("t1"));
  await one.link.reported("t1", "1:running");
  const two = await startRig({ nodeId: "n2", engine });
  two.link.assign(assignment("t2"));
  await two.link.reported("t2", "1:running");
  engine.resync();
  one.link.assign();
  await one.link.until(() => one.host.tasks().length === 0);
  expect([...engine.instances.keys()]).toEqual(["c-t2#1"]);
  expect(two.host.tasks().map(({ taskId, state }) => ({ taskId, state }))).toEqual([
    { taskId: "t2", state: "running" },
  ]);
  await Promise.all([one.host.close(), two.host.close()]);
});

test("worker host: a stop during a pull ends the pull, and nothing is created", async () => {
  const { host, engine, link } = await startRig();
  const release = engine.hold("pull");
  link.assign(assignment("t1"));
  await link.reported("t1", "1:pulling");
  link.assign(assignment("t1", {}, { desired: "stop" }));
  await link.reported("t1", "1:stopped");
  release();
  expect(engine.calls.filter((call) => call.startsWith("create"))).toEqual([]);
  await host.close();
});

test("worker host: waits go on after a close where they stood at the close", async () => {
  const slow = { restart: { ...DEFAULT_TASK.restart, delayMs: 60_000 } };
  const first = await startRig();
  first.link.assign(assignment("t1", slow));
  await first.link.reported("t1", "1:running");
  first.engine.exit({ taskId: "t1", incarnation: 1 }, 1);
  await first.link.reported("t1", "2:accepted");
  const [before] = first.host.tasks();
  await first.host.close();
  const second = await startRig({ engine: first.engine, journal: first.journal });
  const [after] = second.host.tasks();
  expect(after?.state).toBe("accepted");
  expect(after?.restartInMs ?? 0).toBeLessThanOrEqual(before?.restartInMs ?? 0);
  await second.host.close();
});

test("worker host: a remote node beats as often as its manager says, one in the manager's process by itself", async () => {
  const node = { id: "n1", address: "127.0.0.1", version: "0", labels: {}, reserved: FACTS.reserved };
  const remote = await startRig({ options: { node: { ...node, local: false }, sampleMs: 1 } });
  const local = await startRig({ nodeId: "n2", options: { node: { ...node, id: "n2", local: true }, sampleMs: 1 } });
  const beats = ({ link }: Rig) => link.sent.filter((message) => message.kind === "heartbeat").length;
  const welcome = (heartbeatMs: number) => ({ kind: "welcome", manager: MANAGER, protocol: 1, heartbeatMs }) as const;
  for (const { link } of [remote, local]) link.say(welcome(3_600_000));
  await local.link.until(() => beats(local) > 40);
  // One for each of its two welcomes; what was under way at the first may still come.
  expect(beats(remote)).toBeLessThan(5);
  remote.link.say(welcome(1));
  await remote.link.until(() => beats(remote) > 10);
  await remote.host.close();
  await local.host.close();
});

test("worker host: heartbeats go on, without figures, while a measurement hangs", async () => {
  const engine = new FakeEngine();
  const runtime = new FakeRuntime("n1", engine);
  runtime.usage = () => new Promise(() => {});
  const { host, link } = await startRig({ engine, runtime });
  link.assign(assignment("t1"));
  const empty = (): number =>
    link.sent.filter((message) => message.kind === "heartbeat" && message.metrics === null).length;
  await link.until(() => empty() >= 3);
  expect(host.tasks()).toMatchObject([{ state: "running" }]);
  await host.close();
});

test("worker host: with a full disk tasks can still be stopped", async () => {
  const { host, engine, journal, link } = await startRig();
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  journal.broken = "no space left on device";
  const stopped = link.until(() => engine.find({ taskId: "t1", incarnation: 1 })?.instance.status === "exited");
  link.assign(assignment("t1", {}, { desired: "stop" }));
  await stopped;
  expect(host.tasks()).toMatchObject([{ taskId: "t1", incarnation: 1 }]);
  await host.close();
});

test("worker host: with --no-exec nobody runs a command in a task, and the refusal names what to change", async () => {
  const { host, link } = await startRig({ options: { exec: false } });
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  const request = { command: ["sh"], tty: false, stdin: false, columns: 80, rows: 24 };
  expect(await host.exec("t1", request)).toMatchObject({
    ok: false,
    failure: { kind: "denied", message: expect.stringContaining("without --no-exec") },
  });
  await host.close();
});

test("worker host: heartbeats go on while a measurement hangs, also when a greeting asks for one of them at that moment", async () => {
  let hangs = false;
  const rig = await startRig({
    options: {
      metrics: {
        ...STILL,
        sample() {
          if (!hangs) return STILL.sample();
          // The beat that asked has not begun to wait yet: the next one comes while it does.
          queueMicrotask(() => rig.link.say({ kind: "welcome", manager: MANAGER, protocol: 1, heartbeatMs: 1000 }));
          return new Promise(() => {});
        },
      },
    },
  });
  const without = (): number =>
    rig.link.sent.filter((message) => message.kind === "heartbeat" && message.metrics === null).length;
  hangs = true;
  await rig.link.until(() => without() > 5);
  await rig.host.close();
});

test("worker host: with a full disk it greets its manager again after a new link, and says of its tasks what is on disk only", async () => {
  const { host, journal, link, lines } = await startRig();
  link.assign(assignment("t1"));
  await link.reported("t1", "1:running");
  journal.broken = "no space left on device";
  link.assign(assignment("t1"), assignment("t2"));
  await link.until(() => lines.some((line) => line.includes("no space left on device")));
  link.unlink();
  const before = link.sent.length;
  const since = (kind: string): number => link.sent.slice(before).filter((message) => message.kind === kind).length;
  link.link();
  await link.until(() => since("heartbeat") > 0);
  expect([since("hello"), since("report")]).toEqual([1, 0]);
  journal.broken = "";
  await link.reported("t2", "1:running");
  // Nothing of what waited for the old link is said over the new one.
  const reports = link.sent.slice(before).filter((message) => message.kind === "report");
  expect(reports[0]).toMatchObject({ full: true });
  await host.close();
});
