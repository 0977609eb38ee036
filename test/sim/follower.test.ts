// Somebody who follows a manager's changes in a run, as people do: what it makes of them, and when it has to begin anew.
import { describe, expect, test } from "bun:test";
import { followerOf } from "../../src/sim/follower.ts";
import { MANAGER, Simulation } from "../../src/sim/simulation.ts";
import { aJob } from "../core/records.ts";
import { aPlan } from "./checks-bench.ts";

function following() {
  const sim = new Simulation(aPlan());
  const follower = followerOf(sim);
  const seen = { resyncs: 0 };
  follower.onResync(() => seen.resyncs++);
  let revision = 0;
  const keep = (many = 1): void => {
    for (let i = 0; i < many; i++) {
      const change = { kind: "job.put", job: aJob(`job${++revision}`) } as const;
      sim.tell({ kind: "durable", manager: MANAGER, changes: [{ revision, atMs: 0, actor: "", text: "", change }] });
    }
  };
  return { sim, follower, seen, keep };
}

describe("sim: a follower", () => {
  test("has each change once, in its copy", () => {
    const { follower, seen, keep } = following();
    keep(500);
    expect([follower.copy?.jobs.size, seen.resyncs]).toEqual([500, 0]);
  });

  test("reads what it has missed, or begins anew where that is not kept any more", () => {
    const [few, many] = [10, 1_000].map((missed) => {
      const { sim, follower, seen, keep } = following();
      keep();
      sim.runUntil(60_000);
      keep(missed);
      expect(follower.copy).toBe(null);
      sim.runUntil(1_000_000);
      keep();
      return [follower.copy?.jobs.size, seen.resyncs];
    });
    expect(few).toEqual([12, 0]);
    // The store of this run is empty: it has only been told of.
    expect(many).toEqual([0, 1]);
  });

  test("begins anew where there is less than it has seen, and knows nothing until then", () => {
    const { sim, follower, seen, keep } = following();
    keep(5);
    sim.tell({ kind: "replaced", manager: MANAGER, how: "wipe" });
    expect(follower.copy).toBe(null);
    const identity = { clusterId: "c", instanceId: "m1.2", term: 1, lineage: "b", revision: 0 };
    sim.tell({ kind: "took-over", manager: MANAGER, identity, how: "start" });
    expect([follower.copy?.jobs.size, seen.resyncs]).toEqual([0, 1]);
  });
});
