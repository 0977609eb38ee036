// What single faults do in a run, where a schedule that passes would not show that they did anything.
import { describe, expect, test } from "bun:test";
import { SimEngine } from "../../src/sim/engine.ts";
import type { EngineEffect } from "../../src/sim/engine-answers.ts";
import { type EngineTrouble, NO_TROUBLE, probed } from "../../src/sim/engine-trouble.ts";
import { Injector } from "../../src/sim/inject.ts";
import { EventQueue } from "../../src/sim/queue.ts";
import { Streams } from "../../src/sim/random.ts";
import { type Outcome, run } from "../../src/sim/run.ts";
import { Script } from "../../src/sim/script.ts";
import { Simulation } from "../../src/sim/simulation.ts";
import type { SimEvent, Traced } from "../../src/sim/trace.ts";
import { LOOK_MS } from "../../src/worker/host-limits.ts";
import { aSpec } from "../core/records.ts";

function traced<Kind extends SimEvent["kind"]>({ trace }: Outcome, kind: Kind) {
  type Of = Traced & { readonly event: Extract<SimEvent, { readonly kind: Kind }> };
  return trace.filter((one): one is Of => one.event.kind === kind);
}

/** An engine alone, with what it has answered. */
function anEngine() {
  const queue = new EventQueue();
  const engine = new SimEngine("n1", queue, new Streams(1), () => {});
  const answers: string[] = [];
  const ask = (effect: EngineEffect): void => engine.perform(effect, ({ kind }) => answers.push(kind));
  const create = (taskId: string): void => {
    const of = { taskId, incarnation: 1, jobId: "web", name: "web", service: "web", slot: 0, specHash: "" };
    ask({ kind: "create", request: { ...of, spec: aSpec() } });
  };
  const pass = (ms: number): void => {
    const untilMs = queue.nowMs + ms;
    while (queue.step(untilMs));
  };
  return { engine, answers, ask, create, pass };
}

/** A machine alone, with the faults begun and nothing else done. */
function suffering(script: Script) {
  const sim = new Simulation(script.nodes(1).end().plan);
  new Injector(sim);
  const node = sim.nodes.get("n1");
  if (node === undefined) throw new Error("there is no n1");
  return { sim, ...node };
}

describe("sim: faults", () => {
  test("a silent end that comes last is found by the worker's own sweep, and by nothing else", () => {
    const plan = new Script("silent")
      .nodes(1)
      .submits(20, "web")
      .suffers(70, { kind: "hand", node: "n1", nth: 0, what: "kill", silent: true })
      .end().plan;
    const outcome = run({ ...plan, durationMs: 71_000 });
    expect(outcome.verdict).toBe("passed");
    const [diedMs] = traced(outcome, "died").map(({ atMs }) => atMs);
    const [, againMs] = traced(outcome, "started").map(({ atMs }) => atMs);
    expect(diedMs).toBe(70_000);
    const lists = traced(outcome, "effect").filter(({ event, atMs }) => event.effect.kind === "list" && atMs > 70_000);
    expect(lists[0]?.atMs).toBeLessThanOrEqual(againMs ?? 0);
    expect((againMs ?? 0) - 70_000).toBeGreaterThan(5_000);
  });

  test("an engine that hangs does about half of what it was asked once it wakes, and the rest never", () => {
    const { engine, create, pass } = anEngine();
    engine.trouble.hung = true;
    for (let i = 0; i < 100; i++) create(`t${i}`);
    pass(60_000);
    expect(engine.containers.size).toBe(0);
    engine.heal();
    pass(5_000);
    expect(engine.containers.size).toBeWithin(30, 70);
  });

  test("what an engine was asked before it lost its process is not done", () => {
    const { engine, create, pass } = anEngine();
    engine.trouble.hung = true;
    for (let i = 0; i < 100; i++) create(`t${i}`);
    engine.endAll();
    engine.heal();
    pass(5_000);
    expect(engine.containers.size).toBe(0);
  });

  test("one operation alone may hang while the others are answered", () => {
    const { engine, answers, ask, create, pass } = anEngine();
    engine.trouble.stuck = "create";
    create("t");
    ask({ kind: "list" });
    pass(60_000);
    expect(answers).toEqual(["listed"]);
  });

  test("faults of one engine or disk that overlap end with the last of them", () => {
    const { sim, engine, journal } = suffering(
      new Script("overlap")
        .suffers(10, { kind: "engine-full", node: "n1", forMs: 10_000 })
        .suffers(15, { kind: "engine-full", node: "n1", forMs: 15_000 })
        .suffers(10, { kind: "disk", who: "n1", trouble: "full", forMs: 10_000 })
        .suffers(15, { kind: "disk", who: "n1", trouble: "slow", forMs: 15_000 })
        .suffers(18, { kind: "disk", who: "n1", trouble: "full", forMs: 7_000 }),
    );
    const seen = [9, 12, 21, 26, 31].map((atS) => {
      sim.runUntil(atS * 1_000);
      return [engine.trouble.full, journal.trouble.full, journal.trouble.writeMs > 2];
    });
    expect(seen).toEqual([
      [false, false, false],
      [true, true, false],
      [true, true, true],
      [true, false, true],
      [false, false, false],
    ]);
  });

  test("a full disk of the manager's machine is full for its own worker too", () => {
    const plan = new Script("home")
      .nodes(1)
      .withLocal()
      .suffers(10, { kind: "disk", who: "m1", trouble: "full", forMs: 10_000 })
      .suffers(15, { kind: "disk", who: "local", trouble: "full", forMs: 10_000 });
    const sim = new Simulation(plan.end().plan);
    new Injector(sim);
    const disks = () => [sim.manager.store, ...[...sim.nodes.values()].map(({ journal }) => journal)];
    const full = (atS: number): boolean[] => {
      sim.runUntil(atS * 1_000);
      return disks().map(({ trouble }) => trouble.full);
    };
    expect([9, 12, 22, 26].map(full)).toEqual([
      [false, false, false],
      [true, true, false],
      [true, true, false],
      [false, false, false],
    ]);
  });

  test("probes of an unwell node fail, fail now and then, or are answered too late", () => {
    const answers = (unwellHow: EngineTrouble["unwellHow"]) =>
      [1, 2, 3].map((nth) => probed({ ...NO_TROUBLE, unwell: true, unwellHow }, nth));
    const [bad, well] = [
      { isWell: false, lateMs: 0 },
      { isWell: true, lateMs: 0 },
    ];
    expect(answers("fails")).toEqual([bad, bad, bad]);
    expect(answers("flaps")).toEqual([bad, well, bad]);
    for (const { lateMs } of answers("slow")) expect(lateMs).toBeGreaterThan(LOOK_MS);
  });

  test("a flipped bit costs a journal one record, and a backup all that came after it", () => {
    const { journal, sim } = suffering(
      new Script("flip").suffers(20, { kind: "journal-rollback", node: "n1", agoMs: 0, downMs: 100, flipped: 1 }),
    );
    journal.putBack(["1", "2", "3"]);
    sim.runUntil(20_000);
    expect(journal.image()).toEqual(["1", "3"]);
  });

  test("a machine that has lost its power may come back with another date", () => {
    const { clock, sim } = suffering(
      new Script("date").suffers(20, { kind: "power", machine: "n1", downMs: 5_000, wrongByMs: -3_600_000 }),
    );
    const wallMs = clock.now().wallMs;
    sim.runUntil(30_000);
    expect(clock.now().wallMs).toBe(wallMs + 30_000 - 3_600_000);
  });
});
