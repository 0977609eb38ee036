import { describe, expect, test } from "bun:test";
import { aJobSpec, aNode, aSpec } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

describe("manager", () => {
  test("a submission is placed, persisted and sent in one turn", () => {
    const bench = new Bench();
    bench.hello();
    bench.sent = [];
    bench.machine.receive(
      {
        kind: "command",
        ticket: 7,
        command: { kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec("web") },
        actor: "me",
      },
      { monoMs: 0, wallMs: 0, bootId: "" },
    );
    const tick = bench.tick();
    expect(tick.changes.map(({ change, text }) => [change.kind, text])).toEqual([
      ["job.put", "web is submitted"],
      ["slot.put", ""],
      ["task.put", ""],
      ["decision.put", ""],
      ["task.put", "web is placed on n1"],
    ]);
    expect(tick.effects.map((effect) => (effect.kind === "send" ? effect.message.kind : effect.kind))).toEqual([
      "reply",
      "assignments",
    ]);
    expect(bench.sent[0]).toMatchObject({
      base: 1,
      number: 2,
      put: [{ name: "web", desired: "run", restartSerial: 0 }],
      remove: [],
    });
  });

  test("a worker's hello brings it its whole set, also after the manager's own crash", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("web"));
    bench.restart();
    bench.sent = [];
    bench.hello("n1", "l2");
    const sets = bench.sent.filter((message) => message.kind === "assignments");
    expect(sets).toMatchObject([{ base: 0, put: [{ name: "web" }] }]);
    expect(bench.tasks).toHaveLength(1);
  });

  test("a task that fits nowhere stays pending with its reasons and is placed as soon as a node offers room", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("big", aSpec({ resources: { cpuMillis: 0, memoryBytes: 64 * 2 ** 30, diskBytes: 0 } })));
    expect(bench.newest).toMatchObject({ nodeId: null, fact: { state: "pending" } });
    expect(bench.newest.reason).toBe("1 node: lacks 64 GiB memory");
    const roomy = aNode("n2", { capacity: { cpuMillis: 4_000, memoryBytes: 128 * 2 ** 30, diskBytes: 2 ** 40 } });
    bench.say(
      { kind: "hello", protocol: { min: 1, max: 1 }, facts: roomy, bootId: "b", setNumber: 0, seen: null },
      "l2",
    );
    expect(bench.newest).toMatchObject({ nodeId: "n2", fact: { state: "assigned" } });
  });

  test("room that a task gives back goes to the one that waits", () => {
    const bench = new Bench();
    bench.hello();
    const half = aSpec({ resources: { cpuMillis: 3_000, memoryBytes: 0, diskBytes: 0 } });
    const first = bench.submit(aJobSpec("first", half));
    bench.submit(aJobSpec("second", half));
    expect(bench.newest.nodeId).toBeNull();
    bench.command({ kind: "job.stop", jobId: first?.ok ? first.jobId : "" });
    bench.report([fact(bench.tasks[0]?.id ?? "", { state: "stopped" })]);
    expect(bench.newest.nodeId).toBe("n1");
  });

  test("facts only rise, and a node speaks of its own tasks only", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("web"));
    const id = bench.newest.id;
    bench.report([fact(id, { state: "running" })]);
    bench.report([fact(id, { state: "pulling" })]);
    expect(bench.newest.fact.state).toBe("running");
    bench.hello("n2", "l2");
    bench.report([fact(id, { state: "failed" })], [], "l2");
    expect(bench.newest.fact.state).toBe("running");
  });

  test("a task that failed for good is followed by another attempt after its wait, also across a crash", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("web"));
    bench.report([fact(bench.newest.id, { state: "failed", message: "budget spent" })]);
    bench.passes(4_000);
    expect(bench.tasks).toHaveLength(1);
    bench.restart();
    bench.links.clear();
    bench.hello("n1", "l2");
    bench.passes(4_999);
    expect(bench.tasks).toHaveLength(1);
    bench.passes(1);
    expect(bench.tasks.map((task) => [task.attempt, task.fact.state])).toEqual([
      [1, "failed"],
      [2, "assigned"],
    ]);
    expect(bench.texts).toContain("web is tried again in 5 s");
  });

  test("the same id, and the same idempotency key, give the same job; another request under the key is refused", () => {
    const bench = new Bench();
    bench.hello();
    const first = bench.submit(aJobSpec("web"), { idempotencyKey: "k" });
    const again = bench.submit(aJobSpec("web"), { idempotencyKey: "k" });
    const other = bench.submit(aJobSpec("api"), { idempotencyKey: "k" });
    const book = bench.submit(aJobSpec("web"), { id: "given" });
    const bookAgain = bench.submit(aJobSpec("web"), { id: "given" });
    expect([first, again, book, bookAgain].map((reply) => reply?.ok && reply.created)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(again?.ok && first?.ok && again.jobId === first.jobId).toBe(true);
    expect(other).toMatchObject({ ok: false, code: "conflict" });
  });

  test("a name in use is refused with the way out", () => {
    const bench = new Bench();
    bench.submit(aJobSpec("web"));
    expect(bench.submit(aJobSpec("web"))).toMatchObject({
      ok: false,
      code: "conflict",
      hint: "choose another name, or remove that one: cube rm web",
    });
  });

  test("removal ends with no record left, once the node says that nothing is left", () => {
    const bench = new Bench();
    bench.hello();
    const reply = bench.submit(aJobSpec("web"));
    const id = bench.newest.id;
    bench.report([fact(id, { state: "running" })]);
    bench.command({ kind: "job.remove", jobId: reply?.ok ? reply.jobId : "" });
    expect(bench.sent.at(-1)).toMatchObject({ put: [{ desired: "remove" }] });
    bench.report([fact(id, { state: "stopped" })], [id]);
    const { jobs, slots, tasks, decisions } = bench.machine.cluster;
    expect([jobs.size, slots.size, tasks.size, decisions.size]).toEqual([0, 0, 0, 0]);
    expect(bench.sent.at(-1)).toMatchObject({ kind: "assignments", put: [], remove: [id] });
  });

  test("removal ends also when the task's own end was never told: it was taken away in the same turn", () => {
    const bench = new Bench();
    bench.hello();
    const reply = bench.submit(aJobSpec("web"));
    const id = bench.newest.id;
    bench.report([fact(id, { state: "pulling" })]);
    bench.report([], [id]);
    expect(bench.newest.fact.state).toBe("pulling");
    bench.command({ kind: "job.remove", jobId: reply?.ok ? reply.jobId : "" });
    bench.report([], [id]);
    expect(bench.texts.slice(-2)).toEqual(["web is stopped", "web is removed"]);
    const { jobs, slots, tasks, decisions } = bench.machine.cluster;
    expect([jobs.size, slots.size, tasks.size, decisions.size]).toEqual([0, 0, 0, 0]);
  });

  test("a restart raises the serial of what runs and leaves its slot alone", () => {
    const bench = new Bench();
    bench.hello();
    const reply = bench.submit(aJobSpec("web"));
    bench.say({
      kind: "report",
      number: 1,
      full: true,
      facts: [fact(bench.newest.id, { state: "running" })],
      removed: [],
    });
    bench.command({ kind: "job.restart", jobId: reply?.ok ? reply.jobId : "" });
    expect(bench.tasks).toHaveLength(1);
    expect(bench.sent.at(-1)).toMatchObject({ put: [{ restartSerial: 1, desired: "run" }] });
  });

  test("a restart that was accepted while the node was away is not lost with a task that turns out to have ended there", () => {
    const bench = new Bench();
    bench.hello();
    const reply = bench.submit(aJobSpec("once", aSpec({}, "no")));
    const { id } = bench.newest;
    bench.report([fact(id, { state: "running" })]);
    bench.cut("l1");
    bench.passes(30_000);
    expect(bench.command({ kind: "job.restart", jobId: reply?.ok ? reply.jobId : "" })).toMatchObject({ ok: true });
    bench.hello();
    bench.say({ kind: "report", number: 1, full: true, facts: [fact(id, { state: "complete" })], removed: [] });
    expect(bench.tasks.map(({ attempt, fact: { state } }) => [attempt, state])).toEqual([
      [1, "complete"],
      [2, "assigned"],
    ]);
  });

  test("a node that refuses this manager says so for as long as it does, whatever else is made of its record", () => {
    const bench = new Bench();
    const facts = aNode("n1");
    const seen = { clusterId: "c", instanceId: "other", term: 9, lineage: "l", revision: 5 };
    bench.say({ kind: "hello", protocol: { min: 1, max: 1 }, facts, bootId: "b", setNumber: 0, seen });
    const reason = () => bench.machine.cluster.nodes.get("n1")?.reason ?? "";
    const told = reason();
    expect(told).toStartWith("refuses this manager: ");
    bench.say({
      kind: "facts",
      facts: { ...facts, runtimes: [{ kind: "docker", version: "1", problem: "restarts" }] },
    });
    expect(reason()).toBe(told);
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "cordoned" });
    expect(reason()).toBe("cordoned by test");
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "eligible" });
    expect(reason()).toBe(told);
    bench.hello();
    expect(reason()).toBe("");
  });

  test("a cordoned node gets no new task and keeps what it has", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("web"));
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "cordoned" });
    bench.submit(aJobSpec("api"));
    expect(bench.tasks.map((task) => task.nodeId)).toEqual(["n1", null]);
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "eligible" });
    expect(bench.tasks.map((task) => task.nodeId)).toEqual(["n1", "n1"]);
  });

  test("a node without a link for three heartbeats is disconnected, gets nothing, and is itself again with its next whole report", () => {
    const bench = new Bench();
    bench.hello();
    bench.passes(20_000);
    bench.cut("l1");
    expect(bench.machine.nextWakeMs()).toBe(26_000);
    bench.passes(6_000);
    bench.submit(aJobSpec("web"));
    expect([bench.machine.cluster.nodes.get("n1")?.state, bench.newest.nodeId]).toEqual(["disconnected", null]);
    bench.hello("n1", "l2");
    expect(bench.newest.nodeId).toBeNull();
    bench.say({ kind: "report", number: 1, full: true, facts: [], removed: [] }, "l2");
    expect([bench.machine.cluster.nodes.get("n1")?.state, bench.newest.nodeId]).toEqual(["ready", "n1"]);
  });

  test("old attempts lose their containers first and their records later", () => {
    const bench = new Bench();
    bench.hello();
    bench.submit(aJobSpec("web"));
    for (let attempt = 1; attempt <= 9; attempt++) {
      const task = bench.newest;
      bench.report([fact(task.id, { state: "failed" })]);
      bench.passes(600_000);
      for (const old of bench.tasks.filter((t) => t.desired === "remove" && t.fact.containerId !== "")) {
        bench.report([], [old.id]);
      }
    }
    const left = bench.tasks.map((task) => [task.attempt, task.desired, task.fact.containerId]);
    expect(left.filter(([, , box]) => box !== "").map(([attempt]) => attempt)).toEqual([8, 9]);
    expect(left.length).toBeLessThanOrEqual(7);
  });

  test("a worker of another protocol is refused in words", () => {
    const bench = new Bench();
    bench.say({
      kind: "hello",
      protocol: { min: 9, max: 9 },
      facts: aNode("n1"),
      bootId: "b",
      setNumber: 0,
      seen: null,
    });
    expect(bench.sent).toMatchObject([{ kind: "refused", reason: expect.stringContaining("upgrade the older") }]);
    expect(bench.machine.cluster.nodes.size).toBe(0);
  });

  test("the manager's own worker steps back when the first node joins from elsewhere, and stays opted in once asked to", () => {
    const bench = new Bench();
    bench.hello("here", "l1");
    bench.hello("far", "l2", { local: false });
    const own = () => bench.machine.cluster.nodes.get("here")?.availability;
    expect(own()).toBe("cordoned");
    bench.command({ kind: "node.availability", nodeId: "here", availability: "eligible" });
    bench.hello("far", "l3", { local: false });
    expect(own()).toBe("eligible");
  });
});
