// Every checker finds a bug that is planted for it, with random seeds and nothing to guide them: one that catches nothing is a failure here.
import { describe, expect, test } from "bun:test";
import type { Found } from "../../scripts/simulator/hunt.ts";
import { altered, huntAll } from "../../scripts/simulator/mutants.ts";
import { foreignersUntouched } from "../../src/sim/checks/containers.ts";
import { CHECKERS } from "../../src/sim/checks.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import { Simulation } from "../../src/sim/simulation.ts";
import type { Container } from "../../src/sim/trace.ts";
import { MUTATIONS, NO_BUG_FOR } from "./mutations.ts";

/** Two at a time and all of them, on a machine that is busy. */
const LIMIT_MS = 900_000;
/** Judged by the run itself, and not by a checker. */
const OF_RUNS = ["L1", "L6"];

describe("sim: planted bugs", () => {
  const hunts = new Map(MUTATIONS.map(({ name }) => [name, Promise.withResolvers<Found>()]));
  // Its own test looks at each; until then nobody does.
  for (const { promise } of hunts.values()) promise.catch(() => {});
  let begun = false;
  const found = (name: string): Promise<Found> => {
    if (!begun) {
      begun = true;
      void huntAll(MUTATIONS, (mutation, end) => {
        const hunt = hunts.get(mutation.name);
        if (end instanceof Error) hunt?.reject(end);
        else hunt?.resolve(end);
      });
    }
    return hunts.get(name)?.promise ?? Promise.reject(new Error(`no bug is called ${name}`));
  };

  for (const { name, by } of MUTATIONS) {
    test(
      `${by} finds: ${name}`,
      async () => {
        const { seed, id, others } = await found(name);
        expect({ id, isFound: seed !== null, others }).toMatchObject({ id: by, isFound: true });
      },
      LIMIT_MS,
    );
  }

  test("every checker has a bug, or a reason why no machine can have it", () => {
    const planted = new Set([...MUTATIONS.map(({ by }) => by), ...NO_BUG_FOR.map(({ id }) => id)]);
    const all = [...CHECKERS.map(({ id }) => id), ...OF_RUNS];
    expect(all.filter((id) => !planted.has(id))).toEqual([]);
    expect([...planted].filter((id) => !all.includes(id))).toEqual([]);
    expect(NO_BUG_FOR.filter(({ id }) => MUTATIONS.some(({ by }) => by === id))).toEqual([]);
  });

  test("bugs are planted in machines only, each has a name of its own", () => {
    for (const { file } of MUTATIONS) expect(file).toMatch(/^src\/(core|manager|worker|protocol)\//);
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  });

  test("a bug that does not fit its source any more says what to do", () => {
    const [mutation] = MUTATIONS;
    if (mutation === undefined) throw new Error("there are no bugs");
    expect(altered(mutation, `before ${mutation.find} after`)).toBe(`before ${mutation.replace} after`);
    for (const source of ["", `${mutation.find} ${mutation.find}`])
      expect(() => altered(mutation, source)).toThrow("look for the condition in it, or choose another one");
  });

  test("S14 finds a foreign container that is told to end, or removed by a worker, and no other", () => {
    const touched = (isForeign: boolean, kind: "signalled" | "removed", by: "worker" | "hand" = "worker"): string[] => {
      const sim = new Simulation(drawPlan(1));
      const violations: string[] = [];
      const { onEvent } = foreignersUntouched.begin(sim, (...facts) => violations.push(...facts));
      const container = { node: "n1", instanceId: "c1", isForeign } as Container;
      if (kind === "signalled") onEvent({ kind, container, signal: "", graceMs: 10_000 }, 0);
      else onEvent({ kind, container, by }, 0);
      return violations;
    };
    expect(touched(true, "signalled")).toEqual(["n1 touches c1", "signalled"]);
    expect(touched(true, "removed")).toEqual(["n1 touches c1", "removed"]);
    expect([touched(false, "signalled"), touched(false, "removed"), touched(true, "removed", "hand")].flat()).toEqual(
      [],
    );
  });
});
