// Schedules in which a chaos run once found a bug of Cube, or of what tests it. Each is run on a cluster of its own; how it interleaves is up to the machine.
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker } from "../../setup/docker.ts";
import { readSchedule } from "./schedule.ts";
import { replay } from "./soak.ts";

const FOLDER = join(import.meta.dir, "regressions");
const LIMIT_MS = 240_000;

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: chaos, regressions", () => {
  beforeAll(requireDocker);

  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
    test(
      `e2e: chaos: ${file.replace(/\.json$/, "").replaceAll("-", " ")}: the books balance`,
      async () => {
        const said: string[] = [];
        await using opened = new AsyncDisposableStack();
        const schedule = readSchedule(readFileSync(join(FOLDER, file), "utf8"));
        const { tally, failure } = await replay(schedule, { commit: "", say: (line) => said.push(line) }, opened);
        expect(`${failure}${failure === "" ? "" : said.join("\n")}`).toBe("");
        expect(tally.steps).toBe(schedule.steps.length);
        expect(new Set(Object.keys(tally.faults))).toEqual(
          new Set(schedule.steps.flatMap(({ faults }) => faults.map(({ kind }) => kind))),
        );
      },
      LIMIT_MS,
    );
  }
});
