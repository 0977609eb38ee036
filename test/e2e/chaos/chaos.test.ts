// A short chaos run: every kind of fault once that does not take its time by nature, on one cluster. scripts/soak does the same for hours.
import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker } from "../../setup/docker.ts";
import type { Fault, FaultKind } from "./fault.ts";
import { soak } from "./soak.ts";

const LIMIT_MS = 300_000;

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

function fault(kind: FaultKind, node: number, more: Partial<Fault> = {}): Fault {
  return { kind, node, afterMs: 0, holdMs: 500, force: 0.3, ...more };
}

const PLAN: readonly (readonly Fault[])[] = [
  [
    fault("kill-manager", 0),
    fault("kill-worker", 1, { afterMs: 200 }),
    fault("kill-container", 0, { afterMs: 100 }),
    fault("kill-shim", 2),
    fault("cut-node-deaf", 2, { holdMs: 3_000 }),
  ],
  [
    fault("kill-engine", 0, { holdMs: 1_000 }),
    fault("kill-engine", 1, { holdMs: 1_000 }),
    fault("remove-container", 2),
    fault("loss", 0, { holdMs: 4_000 }),
    fault("delay", 1, { holdMs: 4_000 }),
    fault("clock-worker", 2),
  ],
  [
    fault("full-disk-manager", 0, { holdMs: 2_500 }),
    fault("full-disk-worker", 1, { holdMs: 2_500 }),
    fault("rate", 0, { holdMs: 3_000 }),
    fault("stall", 1, { holdMs: 3_000 }),
    fault("cut-node", 2, { holdMs: 14_000 }),
  ],
  [
    fault("freeze-manager", 0, { holdMs: 3_000 }),
    fault("freeze-worker", 2, { holdMs: 3_000 }),
    fault("freeze-engine", 1, { holdMs: 3_000 }),
    fault("kill-containerd", 0),
  ],
  [fault("cut-manager-mute", 0, { holdMs: 3_000 }), fault("cut-node-mute", 1, { holdMs: 2_000 })],
  [fault("clock-manager", 0, { force: 0.9 })],
  [fault("store-corrupted", 0, { force: 0.6 })],
  [fault("store-deleted", 0)],
];

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: chaos", () => {
  beforeAll(requireDocker);

  test(
    "e2e: under faults of every kind no accepted task is lost, none runs twice, nothing is orphaned, and no foreign container is touched",
    async () => {
      const said: string[] = [];
      await using opened = new AsyncDisposableStack();
      const options = { seed: 4, plan: PLAN, quietMs: 3_000, commit: "", say: (line: string) => said.push(line) };
      const { tally, failure } = await soak(options, opened);
      expect(`${failure}${failure === "" ? "" : said.join("\n")}`).toBe("");
      expect(tally.steps).toBe(PLAN.length);
      const kinds = new Set(PLAN.flat().map(({ kind }) => kind));
      expect(new Set(Object.keys(tally.faults) as FaultKind[])).toEqual(kinds);
    },
    LIMIT_MS,
  );
});
