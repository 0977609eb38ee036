// What a chaos run counted, and the table that it becomes. Runs at one commit add up. Pure.
import type { Contradiction } from "./balance.ts";
import type { FaultKind } from "./fault.ts";
import { FAULT_KINDS, KINDS } from "./fault.ts";

/** One run, as it is kept in a file: a line of JSON. */
export interface Tally {
  readonly commit: string;
  readonly seed: number;
  readonly minutes: number;
  readonly steps: number;
  /** How many things each kind of fault hit. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly jobs: number;
  readonly tasks: number;
  /** Requests that were repeated because no answer came. */
  readonly repeats: number;
  /** Attempts after the first, most of them because a node was out of reach; and restarts by the workers. */
  readonly replacements: number;
  readonly restarts: number;
  /** Jobs that a destroyed or older store could not know and that had not all been running. */
  readonly writtenOff: number;
  /** Processes of Cube that ended by themselves. */
  readonly endedAlone: number;
  /** Seconds from the end of the faults until the books balanced, for each step. */
  readonly restSeconds: readonly number[];
  readonly found: Readonly<Partial<Record<Contradiction["kind"], number>>>;
}

/** The runs at one commit as a table in Markdown. */
export function reportOf(runs: readonly Tally[]): string {
  const sum = (pick: (run: Tally) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const faults = (kind: FaultKind) => sum((run) => run.faults[kind] ?? 0);
  const counted = (as: string) =>
    FAULT_KINDS.filter((kind) => KINDS[kind].counts === as).reduce((total, kind) => total + faults(kind), 0);
  const found = (kind: Contradiction["kind"]) => sum((run) => run.found[kind] ?? 0);
  const rests = runs.flatMap(({ restSeconds }) => restSeconds).sort((a, b) => a - b);
  const rows: [string, string | number][] = [
    ["commit", runs[0]?.commit ?? ""],
    ["seeds", runs.map(({ seed }) => seed).join(", ")],
    ["minutes", sum(({ minutes }) => minutes).toFixed(1)],
    ["steps, each with its books balanced", sum(({ steps }) => steps)],
    ["kills", counted("kill")],
    ["partitions", counted("partition")],
    ["damaged stores", counted("store")],
    ["other faults", counted("other")],
    ["jobs submitted", sum(({ jobs }) => jobs)],
    ["tasks submitted", sum(({ tasks }) => tasks)],
    ["requests repeated for want of an answer", sum(({ repeats }) => repeats)],
    ["tasks restarted by their workers", sum(({ restarts }) => restarts)],
    ["tasks replaced or started anew by the manager", sum(({ replacements }) => replacements)],
    ["**accepted tasks lost**", `**${found("lost")}**`],
    ["**duplicates**", `**${found("twice")}**`],
    ["**orphans**", `**${found("orphan")}**`],
    ["**foreign containers touched**", `**${found("foreign")}**`],
    ["**other differences of story and engines**", `**${found("story")}**`],
    ["jobs written off with a destroyed or older store", sum(({ writtenOff }) => writtenOff)],
    ["processes of Cube that ended by themselves", sum(({ endedAlone }) => endedAlone)],
    ["seconds until the books balance: median, most", `${at(rests, 0.5)}, ${at(rests, 1)}`],
  ];
  for (const kind of FAULT_KINDS) if (faults(kind) > 0) rows.push([`· ${kind}`, faults(kind)]);
  return ["| | |", "| --- | ---: |", ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join("\n");
}

/** The runs in a file's text that were made at a commit. */
export function runsAt(commit: string, text: string): Tally[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Tally)
    .filter((run) => run.commit === commit);
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}
