import { describe, expect, test } from "bun:test";
import { drawPlan } from "../../src/sim/draw.ts";
import { FAULT_KINDS } from "../../src/sim/draw-faults.ts";
import { goneNodes, type Plan } from "../../src/sim/faults.ts";

const HOUR = 3_600_000;
const plans = Array.from({ length: 300 }, (_, seed) => drawPlan(seed));

describe("sim: draw", () => {
  test("seeds reach every kind of fault, each seed at least three", () => {
    const reached = new Set(plans.flatMap(({ faults }) => faults.map((fault) => fault.kind)));
    expect(FAULT_KINDS.filter((kind) => !reached.has(kind))).toEqual([]);
    for (const { faults } of plans) expect(new Set(faults.map((fault) => fault.kind)).size).toBeGreaterThanOrEqual(3);
  });

  test("a core remains, whatever is gone for good", () => {
    for (const plan of plans) expect(goneNodes(plan).has("n1")).toBe(false);
    const gone = plans.flatMap(({ faults }) => faults.filter((fault) => fault.kind === "gone"));
    expect(gone.length).toBeGreaterThan(20);
    expect(new Set(gone.map(({ how }) => how))).toEqual(new Set(["cut", "dead", "power", "mute", "deaf", "frozen"]));
  });

  test("some hands are silent, and one of the last moments always is: only the worker's sweep finds what it did", () => {
    const hands = (of: Plan) => of.faults.filter((fault) => fault.kind === "hand");
    const drawn = plans.flatMap((plan) => hands(plan).filter(({ atMs }) => atMs < plan.durationMs - 5_000));
    expect(drawn.filter(({ silent }) => silent).length / drawn.length).toBeWithin(0.2, 0.4);
    for (const plan of plans.filter((one) => hands(one).length > 0))
      expect(hands(plan).some(({ atMs, silent }) => silent && atMs >= plan.durationMs - 5_000)).toBe(true);
  });

  test("an older or emptied store is started plainly as often as not, and adopted at once, later or never", () => {
    const replaced = plans.flatMap(({ faults }) =>
      faults.filter((fault) => fault.kind === "store-rollback" || fault.kind === "store-wipe"),
    );
    const plain = replaced.filter(({ adopt }) => !adopt);
    expect(plain.length / replaced.length).toBeWithin(0.4, 0.6);
    expect(plain.filter(({ adoptAfterMs }) => adoptAfterMs !== undefined).length / plain.length).toBeWithin(0.3, 0.7);
  });

  test("the manager's own node has its share of what befalls engines and disks, and is never cut off, copied or gone", () => {
    const own = plans.filter(({ nodes }) => nodes.some(({ local }) => local)).flatMap(({ faults }) => faults);
    const struck = own.filter((fault) => Object.values(fault).includes("local"));
    const kinds = new Set(struck.map(({ kind }) => kind));
    expect(struck.length / own.length).toBeWithin(0.03, 0.12);
    for (const kind of ["disk", "hand", "engine-hang", "zombies", "journal-wipe"] as const)
      expect(kinds).toContain(kind);
    for (const kind of ["cut", "flap", "gone", "clone"] as const) expect(kinds).not.toContain(kind);
    const without = plans.filter(({ nodes }) => !nodes.some(({ local }) => local)).flatMap(({ faults }) => faults);
    expect(without.filter((fault) => Object.values(fault).includes("local"))).toEqual([]);
  });

  test("some sleeps last to their end, and the run goes on behind them", () => {
    const long = Array.from({ length: 2_000 }, (_, seed) => drawPlan(seed)).filter((plan) => plan.durationMs >= HOUR);
    expect(long.length).toBeWithin(15, 60);
    for (const { faults, steps, durationMs } of long) {
      const sleep = faults.find((fault) => fault.kind === "sleep");
      const endMs = (sleep?.atMs ?? 0) + (sleep?.forMs ?? 0);
      expect(endMs).toBeLessThanOrEqual(durationMs);
      const asleep = steps.filter(({ atMs }) => atMs > (sleep?.atMs ?? 0) + 60_000 && atMs < endMs);
      expect(asleep).toEqual([]);
    }
  });

  test("networks are near and far, and people ask for nothing, for what cannot run, and for other policies", () => {
    const means = plans.map(({ network }) => network.meanDelayMs);
    expect([means.some((ms) => ms > 150), Math.max(...plans.map(({ network }) => network.minDelayMs)) > 20]).toEqual([
      true,
      true,
    ]);
    const submits = plans.flatMap(({ steps }) => steps.filter((step) => step.kind === "submit"));
    const share = (is: (step: (typeof submits)[number]) => boolean) => submits.filter(is).length / submits.length;
    expect(share(({ count }) => count === 0)).toBeWithin(0.02, 0.06);
    expect(share(({ behaviour }) => behaviour.image === "refused")).toBeWithin(0.01, 0.05);
    expect(share(({ restart }) => restart?.onFailure === true)).toBeWithin(0.03, 0.15);
    expect(new Set(submits.flatMap(({ restart }) => restart?.attempts ?? []))).toEqual(new Set([0, 1, 3, 100]));
  });

  test("power may come back with another date, a journal lose one record, and probes flap or be slow", () => {
    const faults = plans.flatMap((plan) => plan.faults);
    expect(faults.some((fault) => fault.kind === "power" && fault.wrongByMs !== undefined)).toBe(true);
    expect(faults.some((fault) => fault.kind === "journal-rollback" && fault.flipped !== undefined)).toBe(true);
    const unwell = faults.flatMap((fault) => (fault.kind === "unwell" ? [fault.how] : []));
    expect(new Set(unwell)).toEqual(new Set([undefined, "flaps", "slow"]));
  });

  test("faults strike nodes that are there, and begin within the run", () => {
    for (const { nodes, faults, durationMs } of plans) {
      const names = new Set(nodes.map((node) => node.name));
      for (const fault of faults) {
        if ("node" in fault) expect(names).toContain(fault.node);
        if ("nodes" in fault) for (const name of fault.nodes) expect(names).toContain(name);
        expect(fault.atMs).toBeWithin(1_000, durationMs + 1);
      }
    }
  });
});
