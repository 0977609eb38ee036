/** What is told of a run that failed: everything that a person needs to find the reason and to have it again. Pure text. */
import { CHECKERS } from "./checks.ts";
import type { Plan } from "./faults.ts";
import { EXIT_CODES, type Outcome } from "./run.ts";
import { lineOf, subjectOf, type Traced } from "./trace.ts";

/** Lines of one node, of the subject's history, and of the end, that are shown. */
const LINES_PER_NODE = 12;
const LINES_OF_SUBJECT = 60;
const LINES_AT_END = 40;
const WIDTH = 220;

const RULES_OF_LIVENESS: Readonly<Record<string, string>> = {
  L1: "once all faults have ended every job comes to what was asked for",
  L6: "then nothing changes any more",
  crash: "no machine ever throws",
};

/** The whole report. `replay` is the command that has it again. */
export function reportOf(outcome: Outcome, about: { readonly commit: string; readonly replay: string }): string {
  const { plan, verdict, violation } = outcome;
  const lines = [
    `seed ${plan.seed} at commit ${about.commit}: ${verdict} (exit code ${EXIT_CODES[verdict]})`,
    "",
    ...(violation === null ? [] : violationLines(outcome)),
    `virtual time ${clock(outcome.virtualMs)}, step ${outcome.steps}, ${outcome.commands} commands answered, trace ${hex(outcome.hash)}`,
    "",
    "drawn:",
    ...planLines(plan),
    "",
    ...nodeLines(outcome.trace),
    ...subjectLines(outcome),
    "the last events:",
    ...outcome.trace.slice(-LINES_AT_END).map(tracedLine),
    "",
    `again: ${about.replay}`,
  ];
  return lines.join("\n");
}

/** The figure by which two runs are compared. */
export function hex(hash: number): string {
  return hash.toString(16).padStart(8, "0");
}

function violationLines({ violation }: Outcome): string[] {
  if (violation === null) return [];
  const { id, atMs, facts } = violation;
  const rule = CHECKERS.find((checker) => checker.id === id)?.rule ?? RULES_OF_LIVENESS[id] ?? "";
  return [`${id} at ${clock(atMs)}: ${rule}`, ...facts.map((fact) => `  but ${fact}`), ""];
}

function planLines(plan: Plan): string[] {
  const { nodes, manager, network, durationMs, faults, steps } = plan;
  const nodeWords = nodes.map(
    (node) => `${node.name} (${node.cpuMillis}m, ${node.driftPpm} ppm, dialled by the ${node.dialledBy})`,
  );
  return [
    `  nodes: ${nodeWords.join(", ")}`,
    `  manager: ${manager.scheduler}, ${manager.driftPpm} ppm, wall clock ${manager.skewMs} ms off`,
    `  network: ${network.minDelayMs} ms and ${network.meanDelayMs} ms on average; faults for ${clock(durationMs)}`,
    `  faults: ${countsOf(faults)}`,
    `  users: ${countsOf(steps)}`,
  ];
}

function countsOf(items: readonly { readonly kind: string }[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of items) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, many]) => `${many} ${kind}`).join(", ") || "none";
}

function nodeLines(trace: readonly Traced[]): string[] {
  const byNode = new Map<string, Traced[]>();
  for (const traced of trace) {
    const node = subjectOf(traced.event)?.node ?? "";
    if (node === "") continue;
    byNode.set(node, [...(byNode.get(node) ?? []), traced].slice(-LINES_PER_NODE));
  }
  const nodes = [...byNode].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return nodes.flatMap(([node, last]) => [`${node}, last:`, ...last.map(tracedLine), ""]);
}

/** What happened to the tasks that the violation names. */
function subjectLines({ violation, trace }: Outcome): string[] {
  const ids =
    violation?.facts
      .join(" ")
      .match(/\b[0-9a-f]{8,20}\b/g)
      ?.map((id) => id.slice(0, 8)) ?? [];
  if (ids.length === 0) return [];
  const lines = trace.map(tracedLine).filter((line) => ids.some((id) => line.includes(id)));
  return [`of ${[...new Set(ids)].join(", ")}:`, ...lines.slice(-LINES_OF_SUBJECT), ""];
}

function tracedLine({ atMs, event }: Traced): string {
  const line = `  ${clock(atMs)} ${lineOf(event)}`;
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")}.${String(ms % 1000).padStart(3, "0")}`;
}
