import { describe, expect, test } from "bun:test";
import { apply, type Cluster, emptyCluster } from "../../src/core/cluster.ts";
import { ok } from "../../src/core/failure.ts";
import { taskId } from "../../src/core/ids.ts";
import type { TaskFact } from "../../src/core/task.ts";
import { adopt } from "../../src/manager/adopt-host.ts";
import { Adoption, type AdoptionOptions, adoptionLines } from "../../src/manager/adoption.ts";
import { Sessions } from "../../src/manager/sessions.ts";
import type { ManagerIdentity, WorkerMessage } from "../../src/protocol/messages.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { aJob, aJobSpec, aNode, aSpec, aTask, NOW } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

const OPTIONS: AdoptionOptions = {
  clusterId: "c",
  actor: "op",
  localWorker: false,
  remoteWorkers: true,
  keepLocalWorker: false,
};
const SEEN: ManagerIdentity = { clusterId: "c", instanceId: "old", term: 7, lineage: "old", revision: 50 };

function hello(name: string, seen: ManagerIdentity | null = SEEN, local = false): WorkerMessage {
  return {
    kind: "hello",
    protocol: { min: 1, max: 1 },
    facts: aNode(name, { local }),
    bootId: "b",
    setNumber: 0,
    seen,
  };
}

function held(name: string, last = true): WorkerMessage {
  const id = taskId({ clusterId: "c", jobId: `j-${name}`, service: name, slot: 0, attempt: 1 });
  const assignment = {
    taskId: id,
    jobId: `j-${name}`,
    name,
    service: name,
    slot: 0,
    attempt: 1,
    spec: aSpec(),
    desired: "run",
    restartSerial: 0,
  } as const;
  const now: TaskFact = fact(id, { state: "running" });
  return { kind: "held", held: [{ assignment, fact: now }], strays: [], last };
}

function clusterOf(...nodes: readonly string[]): Cluster {
  const cluster = emptyCluster();
  for (const name of nodes) apply(cluster, { kind: "node.put", node: aNode(name, { local: false }) });
  return cluster;
}

describe("adoption: whom it hears", () => {
  test("every worker that says hello is asked, whomever it has obeyed, and the highest term is remembered", () => {
    const adoption = new Adoption(clusterOf(), OPTIONS);
    expect(adoption.receive("l1", hello("n1"))).toEqual([{ kind: "send", linkId: "l1", message: { kind: "tell" } }]);
    expect(adoption.receive("l2", hello("n2", { ...SEEN, term: 12 }))).toHaveLength(1);
    expect(adoption.receive("l3", hello("n3", null))).toHaveLength(1);
    expect(adoption.receive("l4", hello("n4", { ...SEEN, clusterId: "other" }))).toEqual([]);
    expect(adoption.finish(NOW).aboveTerm).toBe(12);
  });

  /** Two stored nodes; the second one says in two parts what it holds. */
  function askTwo(...knownJobs: readonly string[]): boolean[] {
    const cluster = clusterOf("n1", "n2");
    for (const name of knownJobs) apply(cluster, { kind: "job.put", job: aJob(name, { id: `j-${name}` }) });
    const adoption = new Adoption(cluster, OPTIONS);
    adoption.receive("l1", hello("n1"));
    adoption.receive("l1", held("a"));
    adoption.receive("l2", hello("n2"));
    adoption.receive("l2", held("b", false));
    const before = adoption.isComplete;
    adoption.receive("l2", held("c"));
    return [before, adoption.isComplete];
  }

  test("it is over once every stored node has finished; with none stored there may always be one more", () => {
    expect(askTwo("a", "b", "c")).toEqual([false, true]);
    const blind = new Adoption(clusterOf(), OPTIONS);
    blind.receive("l1", hello("n1"));
    blind.receive("l1", held("a"));
    expect(blind.isComplete).toBe(false);
  });

  test("where the store has forgotten a job it may have forgotten a node: others are waited for until the time is up", () => {
    expect(askTwo("a", "b")).toEqual([false, false]);
  });

  test("where the store knows the local node alone, others are waited for if there can be any", () => {
    const isComplete = (remoteWorkers: boolean) => {
      const cluster = clusterOf();
      apply(cluster, { kind: "node.put", node: aNode("n1", { local: true }) });
      const adoption = new Adoption(cluster, { ...OPTIONS, localWorker: true, remoteWorkers });
      adoption.receive("l1", hello("n1", SEEN, true));
      adoption.receive("l1", held("a"));
      return adoption.isComplete;
    };
    expect([isComplete(true), isComplete(false)]).toEqual([false, true]);
  });

  test("a node that the store did not know is said to be taken back, with the way to remove it again", () => {
    const adoption = new Adoption(clusterOf("n1"), { ...OPTIONS, localWorker: true });
    for (const name of ["n1", "n2", "home"]) {
      adoption.receive(name, hello(name, SEEN, name === "home"));
      adoption.receive(name, held(name));
    }
    expect(adoptionLines(adoption.finish(NOW)).filter((line) => line.includes("taken back"))).toEqual([
      "node n2 is taken back: the store did not know it, and it has proved that it belongs here. Was it removed, `cube node rm n2` does so again",
    ]);
  });

  test("alone with its own worker it is over with that one's answer", () => {
    const adoption = new Adoption(clusterOf(), { ...OPTIONS, localWorker: true, remoteWorkers: false });
    adoption.receive("l1", hello("n1", SEEN, true));
    expect(adoption.isComplete).toBe(false);
    adoption.receive("l1", held("a"));
    expect(adoption.isComplete).toBe(true);
  });

  test("what a node had not finished saying, or said before its link broke, does not count; the node is named", () => {
    const adoption = new Adoption(clusterOf("n1", "n2"), OPTIONS);
    adoption.receive("l1", hello("n1"));
    adoption.receive("l1", held("a", false));
    adoption.receive("l3", hello("n1"));
    adoption.receive("l1", held("b"));
    adoption.receive("l3", held("c"));
    adoption.receive("l2", hello("n2"));
    adoption.receive("l2", held("d", false));
    const adopted = adoption.finish(NOW);
    expect([adopted.newTasks, adopted.silent]).toEqual([1, ["n2"]]);
    expect(adoptionLines(adopted)).toEqual([
      "node n1 runs 1 task: c",
      "node n2 did not answer: what runs there is left alone until --adopt is given again while it is linked",
      "no worker knows the API's tokens, nor jobs that never ran: if the store has lost such, make them anew",
      "adopted from 1 node: 1 job and 1 task that the store did not know",
    ]);
  });

  test("what runs without an assignment since a journal was lost is adopted as what the store has it for, and named when the store does not know it", () => {
    const cluster = clusterOf("n1");
    apply(cluster, { kind: "job.put", job: aJob("web", { id: "j-web" }) });
    const at = { jobId: "j-web", service: "web", slot: 0, attempt: 1 };
    const waiting = aTask("j-web", { id: taskId({ clusterId: "c", jobCreatedMs: NOW, ...at }), ...at, nodeId: null });
    apply(cluster, { kind: "task.put", task: waiting });
    const adoption = new Adoption(cluster, OPTIONS);
    adoption.receive("l1", hello("n1", null));
    const strays = [fact(waiting.id, { state: "running", incarnation: 2 }), fact("other", { state: "running" })];
    adoption.receive("l1", { kind: "held", held: [], strays, last: true });
    const { drafts, nodes } = adoption.finish(NOW);
    expect(nodes).toMatchObject([{ alive: ["web"], strays: ["other"] }]);
    const tasks = drafts.flatMap(({ change }) => (change.kind === "task.put" ? [change.task] : []));
    expect(tasks).toMatchObject([
      { id: waiting.id, nodeId: aNode("n1").id, desired: "run", fact: { state: "running", incarnation: 2 } },
    ]);
  });

  test("the manager's own worker steps back for remote nodes, as when they join", () => {
    const adoption = new Adoption(clusterOf(), { ...OPTIONS, localWorker: true });
    for (const [linkId, name, local] of [
      ["l1", "home", true],
      ["l2", "far", false],
    ] as const) {
      adoption.receive(linkId, hello(name, SEEN, local));
      adoption.receive(linkId, held(name));
    }
    const puts = adoption.finish(NOW).drafts.flatMap(({ change }) => (change.kind === "node.put" ? [change.node] : []));
    expect(puts.at(-1)).toMatchObject({ name: "home", availability: "cordoned" });
  });
});

describe("adoption: its host", () => {
  const setUp = () => {
    const [store, link] = [createMemoryStore({ nowMs: () => NOW }), createInProcessLink()];
    const clock = { now: () => ({ monoMs: 1, wallMs: NOW, bootId: "b" }) };
    return { store, link, options: { ...OPTIONS, store, links: link.manager, clock } };
  };

  test("what workers hold is durable afterwards, and the link is free for the manager", async () => {
    const { store, link, options } = setUp();
    const begin = async () => {
      link.worker.open({
        onMessage: (message) => message.kind === "tell" && link.worker.send(held("a")),
        onLinked: () => link.worker.send(hello("n1", SEEN, true)),
        onUnlinked: () => {},
      });
    };
    const adopted = await adopt({ ...options, localWorker: true, remoteWorkers: false, begin });
    expect(adopted).toMatchObject({ ok: true, value: { newJobs: 1, newTasks: 1, aboveTerm: 7 } });
    const loaded = await store.load({ aboveTerm: 7 });
    if (!loaded.ok) throw new Error(loaded.failure.message);
    expect(loaded.value.term).toBe(8);
    expect(loaded.value.records.map(({ kind }) => kind).sort()).toEqual([
      "job.put",
      "node.put",
      "slot.put",
      "task.put",
    ]);
    const relinked = Promise.withResolvers<string>();
    using _ = link.manager.open({ onMessage: (_id, { kind }) => relinked.resolve(kind), onClosed: () => {} });
    expect(await relinked.promise).toBe("hello");
    await store.close();
  });

  test("when nobody answers nothing is changed, and it is a failure", async () => {
    const { store, options } = setUp();
    const adopted = await adopt({ ...options, begin: async () => {}, waitMs: 1 });
    expect(adopted).toMatchObject({ ok: false, failure: { kind: "unavailable" } });
    expect(await store.load()).toMatchObject({ ok: true, value: { revision: 0, term: 2 } });
    await store.close();
  });

  test("a damaged store adopts nothing: its own problem comes first", async () => {
    const { store, options } = setUp();
    const damaged = {
      ...store,
      close: () => store.close(),
      load: async () => ok({ lineage: "l", term: 1, revision: 3, records: [], problem: "it is damaged", retry: false }),
    };
    let hasBegun = false;
    const begin = async () => {
      hasBegun = true;
    };
    expect(
      await adopt({ ...options, store: { ...damaged, commit: store.commit, log: store.log }, begin }),
    ).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining("it is damaged") },
    });
    expect(hasBegun).toBe(false);
  });
});

describe("manager: a node that refuses it", () => {
  test("gets no tasks, its reports change nothing, and its record, an event and the caution say why", () => {
    const bench = new Bench();
    bench.hello("n1", "l1");
    bench.submit(aJobSpec("web"));
    const { id } = bench.newest;
    bench.report([fact(id, { state: "running" })]);
    bench.say({ kind: "refused", reason: "a copy" });
    bench.report([fact(id, { incarnation: 1, state: "failed" })]);
    bench.submit(aJobSpec("next"));
    bench.passes(120_000);
    expect(bench.tasks.map(({ fact: { state } }) => state)).toEqual(["running", "pending"]);
    expect(bench.machine.cluster.nodes.get("n1")?.reason).toContain("refuses this manager: a copy");
    expect(bench.texts.filter((text) => text.includes("refuses this manager: a copy"))).toHaveLength(1);
    expect(bench.machine.caution).toContain("node n1 refuses this manager: a copy");
    bench.say({ kind: "refused", reason: "" });
    expect(bench.machine.caution).toBe("");
    expect(bench.machine.cluster.nodes.get("n1")?.reason).toBe("");
    expect(bench.tasks.map(({ nodeId }) => nodeId)).toEqual(["n1", "n1"]);
  });

  test("a worker that has obeyed a later history than the store held at its start is told the truth", () => {
    const bench = new Bench();
    const seen = { clusterId: "c", instanceId: "other", term: 1, lineage: "l", revision: 2 };
    for (const name of ["a", "b", "c"]) bench.submit(aJobSpec(name));
    expect(bench.machine.revision).toBeGreaterThan(2);
    const facts = aNode("n1");
    bench.say({ kind: "hello", protocol: { min: 1, max: 1 }, facts, bootId: "b", setNumber: 0, seen });
    expect(bench.sent.find(({ kind }) => kind === "welcome")).toMatchObject({ manager: { revision: 0 } });
    expect(bench.machine.caution).toContain("refuses this manager");
  });
});

describe("adoption: what two nodes hold", () => {
  test("is told to end, by name, to the one that does not keep it", () => {
    const plan = new Adoption(clusterOf("n1", "n2"), OPTIONS);
    for (const name of ["n1", "n2"]) {
      plan.receive(name, hello(name));
      plan.receive(name, held("web"));
    }
    const { doubles } = plan.finish(NOW);
    expect(doubles.map(({ nodeId }) => nodeId)).toEqual(["n2"]);
    const sessions = new Sessions(doubles);
    sessions.open("l2", "n2");
    expect(sessions.assignments(clusterOf("n1", "n2"), SEEN)).toMatchObject([
      { message: { base: 0, put: [], remove: doubles.map(({ taskId: id }) => id) } },
    ]);
  });
});
