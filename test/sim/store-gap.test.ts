// A store with damaged records: its manager only reads it and says so, tasks go on, and either way out that the message names leads back to what was asked for.
import { expect, test } from "bun:test";
import type { CommandResult } from "../../src/manager/commands.ts";
import type { Harm } from "../../src/sim/disk.ts";
import { run } from "../../src/sim/run.ts";
import { Script } from "../../src/sim/script.ts";
import { Simulation } from "../../src/sim/simulation.ts";
import type { SimEvent } from "../../src/sim/trace.ts";
import { aJobSpec } from "../core/records.ts";
import { aPlan } from "./checks-bench.ts";

const HARMS: readonly Harm[] = ["lost", "unreadable", "altered"];

for (const how of HARMS) {
  for (const repair of ["backup", "accept-loss"] as const) {
    test(`store-gap: records that are ${how} are found, and ${repair} mends it`, () => {
      const { plan } = new Script(`store-gap/${how}/${repair}`)
        .nodes(2)
        .submits(2, "web", { count: 3 })
        .suffers(20, { kind: "store-gap", nth: 2, records: 3, how, downMs: 500, forMs: 20_000, repair })
        .end();
      const { verdict, violation, marks } = run(plan);
      expect([verdict, violation, marks.has("store-gap→read-only")]).toEqual(["passed", null, true]);
    });
  }
}

test("store-gap: while a store is damaged nothing is promised, and what runs goes on", () => {
  const sim = new Simulation(aPlan());
  const events: SimEvent[] = [];
  const results: CommandResult[] = [];
  const submit = (name: string): void =>
    sim.manager.manager.execute({ kind: "job.submit", id: "", spec: aJobSpec(name), idempotencyKey: "" }, (result) =>
      results.push(result),
    );
  sim.begin();
  sim.runUntil(5_000);
  submit("web");
  sim.runUntil(20_000);
  sim.process("m1").die();
  sim.manager.store.harm({ nth: 0, records: 1, how: "lost" });
  sim.process("m1").start();
  sim.watch((event) => events.push(event));
  submit("more");
  sim.runUntil(120_000);
  expect(results).toMatchObject([{ ok: true }, { ok: false, code: "read_only" }]);
  expect(events.filter(({ kind }) => kind === "durable" || kind === "died" || kind === "ordered")).toEqual([]);
  expect([...sim.nodes.values()].flatMap(({ engine }) => engine.live())).toHaveLength(1);
});
