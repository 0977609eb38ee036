// Managers and workers tell each other everything after each greeting. However often that happens, it does what it does once: nothing, where nothing is new.
import { describe, expect, test } from "bun:test";
import { withoutAmbient } from "../../scripts/simulator/ambient.ts";
import type { Plan } from "../../src/sim/faults.ts";
import { SCENARIOS } from "../../src/sim/scenarios.ts";
import type { Simulation } from "../../src/sim/simulation.ts";
import { observe } from "../../src/sim/sweep.ts";
import { lineOf, type SimEvent } from "../../src/sim/trace.ts";

const LIMIT_MS = 120_000;
/** The moments at which links break, in ms: amid all that happens in a script, which is at whole tens of seconds. */
const MOMENTS = [20_003, 20_050, 20_500, 50_010, 60_020, 60_500, 75_000, 100_040, 115_000];
/** Long enough for a link to be there again and all to have been told. */
const AGAIN_MS = 3_000;

/** All links end; both sides greet each other anew and tell all that they know. */
function hangUp(sim: Simulation): void {
  for (const name of sim.nodes.keys()) {
    const { process } = sim.process(name);
    if (process.alive) sim.network.hangUpAll(process);
  }
}

/** What happens to containers, with its time. */
function deedsOf(plan: Plan, meddle: (sim: Simulation) => void): string[] {
  const deeds: string[] = [];
  observe(plan, (sim) => {
    sim.watch((event, atMs) => {
      if (["created", "started", "signalled", "died", "removed"].includes(event.kind))
        deeds.push(`${atMs} ${lineOf(event)}`);
    });
    meddle(sim);
  });
  return deeds;
}

/** Has every whole set come a second time, at once. */
function tellTwice(sim: Simulation, told: Set<SimEvent>): void {
  let isRepeat = false;
  sim.watch((event) => {
    if (event.kind !== "ordered" || event.base !== 0 || isRepeat) return;
    told.add(event);
    sim.queue.after(0, () => {
      isRepeat = true;
      sim.nodes.get(event.node)?.worker.hear(event.set);
      isRepeat = false;
    });
  });
}

describe("sim: resync", () => {
  for (const { name, plan } of SCENARIOS) {
    test(
      `${name} ends the same however often all is told anew, and with all links broken at any moment`,
      () => {
        withoutAmbient(() => {
          const undisturbed = observe(plan).state;
          const ends = [1, 2].map((times) => {
            const { outcome, state } = observe(plan, (sim) => {
              for (const atMs of MOMENTS.filter((ms) => ms + 2 * AGAIN_MS < plan.durationMs))
                for (let i = 0; i < times; i++) sim.queue.after(atMs + i * AGAIN_MS, () => hangUp(sim));
            });
            return { violation: outcome.violation, state };
          });
          expect(ends).toEqual([
            { violation: null, state: undisturbed },
            { violation: null, state: undisturbed },
          ]);
        });
      },
      LIMIT_MS,
    );
  }

  test("a whole set that comes twice does what it does once", () => {
    withoutAmbient(() => {
      for (const { plan } of SCENARIOS) {
        const told = new Set<SimEvent>();
        const twice = deedsOf(plan, (sim) => tellTwice(sim, told));
        expect(told.size).toBeGreaterThan(0);
        expect(twice).toEqual(deedsOf(plan, () => {}));
      }
    });
  });
});
