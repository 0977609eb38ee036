// What single faults do in a run, where a schedule that passes would not show that they did anything.
import { describe, expect, test } from "bun:test";
import { type Outcome, run } from "../../src/sim/run.ts";
import { Script } from "../../src/sim/script.ts";
import type { SimEvent, Traced } from "../../src/sim/trace.ts";

function traced<Kind extends SimEvent["kind"]>({ trace }: Outcome, kind: Kind) {
  type Of = Traced & { readonly event: Extract<SimEvent, { readonly kind: Kind }> };
  return trace.filter((one): one is Of => one.event.kind === kind);
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
});
