/**
 * What is told of a run that failed: everything that a person needs to find the reason and to have it again. Pure text; the plan is run once more for it, with
 * everything written down that a normal run has no time for.
 */
import type { Checker } from "./checker.ts";
import { CHECKERS } from "./checks.ts";
import { MARKS } from "./coverage.ts";
import type { Plan } from "./faults.ts";
import { UNHITTABLE } from "./not-yet.ts";
import { diagram } from "./report-diagram.ts";
import { countsOf, type Recorded, type Recording, record } from "./report-recording.ts";
import { carries, lineFor, messageLine, type Subject, shortId, subjectOfRun, touches } from "./report-subject.ts";
import { EXIT_CODES, type Outcome } from "./run.ts";
import { type SimEvent, subjectOf } from "./trace.ts";

/** Lines of one node, of what is involved, and of a task's way: from its beginning, and up to the end. */
const LINES_PER_NODE = 6;
const LINES_INVOLVED = 200;
const LINES_OF_BEGINNING = 20;
const LINES_TO_END = 100;
const WIDTH = 220;
const NAMES_WIDTH = 120;
/** A schedule with more faults and steps than these is told by its seed and its file. */
const MOST_ITEMS = 40;

const RULES_OF_LIVENESS: Readonly<Record<string, string>> = {
  L1: "once all faults have ended every job comes to what was asked for",
  L6: "then nothing changes any more",
  crash: "no machine ever throws",
};

/** What a run does not know of itself. */
export interface About {
  readonly commit: string;
  /** Of the JavaScript engine, with its name: `Bun 1.4.4`. */
  readonly engine: string;
  /** The command that has it again. */
  readonly replay: string;
  /** The plan as it was drawn, when the run is of a smaller one. */
  readonly whole?: Plan;
  /** Those of the run; all when left out. */
  readonly checkers?: readonly Checker[];
}

/** The whole report. */
export function reportOf(outcome: Outcome, about: About): string {
  const { plan, verdict } = outcome;
  const recording = record(outcome, about.checkers ?? CHECKERS);
  const subject = subjectOfRun(outcome, recording.events);
  const lines = [
    `seed ${plan.seed} at commit ${about.commit}, ${about.engine}: ${verdict} (exit code ${EXIT_CODES[verdict]})`,
    "",
    ...violationLines(outcome),
    `virtual time ${clock(outcome.virtualMs)}, step ${outcome.steps}, ${outcome.commands} commands answered, trace ${hex(outcome.hash)}`,
    ...differenceLines(outcome, recording),
    "",
    ...drawnLines(plan, about.whole),
    ...markLines(outcome),
    "",
    "each machine in the end:",
    ...recording.machines.map((line) => `  ${line}`),
    "",
    ...diagramLines(recording, subject),
    ...sliceLines(recording, subject),
    ...involvedLines(recording, subject),
    ...nodeLines(recording, subject),
  ].map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line.trimEnd()));
  return [...lines, ...scheduleLines(plan), `again: ${about.replay}`].join("\n");
}

/** The figure by which two runs are compared. */
export function hex(hash: number): string {
  return hash.toString(16).padStart(8, "0");
}

function violationLines({ violation }: Outcome): string[] {
  if (violation === null) return [];
  const { id, atMs, facts } = violation;
  const rule = CHECKERS.find((checker) => checker.id === id)?.rule ?? RULES_OF_LIVENESS[id] ?? "";
  return [`${id} at ${clock(atMs)}: ${rule}`, ...facts.map((fact) => `  ${fact}`), ""];
}

function differenceLines({ hash }: Outcome, { outcome }: Recording): string[] {
  if (outcome.hash === hash) return [];
  return [
    `NOT DETERMINISTIC: once more with the same plan it has trace ${hex(outcome.hash)}; what follows is of that run`,
  ];
}

function drawnLines(plan: Plan, whole: Plan | undefined): string[] {
  if (whole === undefined || whole === plan) return ["drawn:", ...planLines(plan)];
  return ["drawn:", ...planLines(whole), "made smaller, it fails in the same way with:", ...planLines(plan)];
}

function planLines(plan: Plan): string[] {
  const { nodes, manager, network, durationMs, faults, steps } = plan;
  const nodeWords = nodes.map((node) => {
    const link = node.local ? "in the manager's process" : `dialled by the ${node.dialledBy}`;
    const zone = node.zone === undefined ? "" : `, zone ${node.zone}`;
    return `    ${node.name}: ${node.cpuMillis}m, ${node.driftPpm} ppm, wall clock ${node.skewMs} ms off${zone}, ${link}`;
  });
  return [
    ...wrapped(`  faults for ${clock(durationMs)}: `, countsOf(faults.map(({ kind }) => kind)).split(", ")),
    ...wrapped("  users: ", countsOf(steps.map(({ kind }) => kind)).split(", ")),
    `  network: ${network.minDelayMs} ms at least and ${network.meanDelayMs} ms more on average`,
    `  manager: ${manager.scheduler}, ${manager.driftPpm} ppm, wall clock ${manager.skewMs} ms off`,
    "  nodes:",
    ...nodeWords,
  ];
}

function markLines({ marks }: Outcome): string[] {
  const missed = MARKS.filter((mark) => !marks.has(mark) && !UNHITTABLE.has(mark));
  const hit = MARKS.filter((mark) => marks.has(mark));
  return [...wrapped("marks hit: ", hit), ...wrapped("marks not hit: ", missed)];
}

/** Names in as many lines as it takes. */
function wrapped(title: string, names: readonly string[]): string[] {
  const lines = [title];
  for (const [i, name] of names.entries()) {
    const part = `${name}${i < names.length - 1 ? ", " : ""}`;
    const last = lines.at(-1) ?? "";
    if (last.length + part.length > NAMES_WIDTH) lines.push(`    ${part}`);
    else lines[lines.length - 1] = last + part;
  }
  return names.length === 0 ? [`${title}none`] : lines.map((line) => line.trimEnd());
}

function diagramLines(recording: Recording, subject: Subject): string[] {
  const rows = diagram(recording, subject, clock);
  if (rows.length === 0) return [];
  return [
    "what was said before it happened; left out: signs of life that arrived, and what is about other tasks",
    "(x: it has not come; (1): an arrow that goes on further down; *: it happens there; S: starts or goes on; X and no line: dies; Z and dots: stands still)",
    ...rows,
    "",
  ];
}

/** The whole way of what the violation names, from the beginning: events and messages that have touched it. */
function sliceLines({ events, frames }: Recording, subject: Subject): string[] {
  if (subject.tasks.size === 0) return [];
  const lines = [
    ...events
      .filter(({ event }) => touches(subject, event) && !isEcho(event))
      .map(({ order, atMs, event }) => ({ order, line: `  ${clock(atMs)} ${lineFor(subject, event)}` })),
    ...frames
      .filter((frame) => carries(subject, frame))
      .map((frame) => {
        const { order, sentMs, from, to, heard, fate } = frame;
        const end = heard === null ? fate : `${heard.atMs - sentMs} ms${fate && `, ${fate}`}`;
        return { order, line: `  ${clock(sentMs)} ${from} to ${to}: ${messageLine(subject, frame)} (${end})` };
      }),
  ].toSorted((one, other) => one.order - other.order);
  const shown = aroundMiddle(lines.map(({ line }) => line));
  return [`all that has touched ${[...subject.tasks].map(shortId).join(", ")}:`, ...shown, ""];
}

function aroundMiddle(lines: readonly string[]): readonly string[] {
  const left = lines.length - LINES_OF_BEGINNING - LINES_TO_END;
  if (left <= 0) return lines;
  return [...lines.slice(0, LINES_OF_BEGINNING), `  … ${left} lines …`, ...lines.slice(-LINES_TO_END)];
}

/** What is told by another line too: a worker's order as its message, a journal's records as its effect. */
function isEcho(event: SimEvent): boolean {
  if (event.kind === "facts" || event.kind === "ordered") return true;
  return event.kind === "effect" && ["send", "journal", "compact", "list"].includes(event.effect.kind);
}

/** The last events of the machines and tasks that the violation names; of all when it names none. */
function involvedLines({ events }: Recording, subject: Subject): string[] {
  const names = [...subject.machines, ...[...subject.tasks].map(shortId)];
  const isAll = names.length === 0;
  const involved = events.filter(({ event }) => !isEcho(event) && (isAll || isInvolved(subject, event)));
  const what = isAll ? "the last events:" : `the last events of ${names.join(", ")}:`;
  return [what, ...involved.slice(-LINES_INVOLVED).map((recorded) => recordedLine(subject, recorded)), ""];
}

function isInvolved(subject: Subject, event: SimEvent): boolean {
  if (event.kind === "fault" || event.kind === "healed" || touches(subject, event)) return true;
  // Of other tasks of a node that is involved only the nodes of a violation without tasks tell something.
  const { node = "", taskId = "" } = subjectOf(event) ?? {};
  if (subject.machines.has(node)) return taskId === "" || subject.tasks.size === 0;
  return event.kind === "process" && (subject.machines.has(event.who) || event.who.startsWith("m"));
}

/** Of each node, one line per event. */
function nodeLines({ events, outcome }: Recording, subject: Subject): string[] {
  const byNode = new Map<string, Recorded[]>(outcome.plan.nodes.map(({ name }) => [name, []]));
  for (const recorded of events) {
    const { event } = recorded;
    const node = subjectOf(event)?.node ?? (event.kind === "process" ? event.who : "");
    if (!isEcho(event)) byNode.get(node)?.push(recorded);
  }
  return [...byNode].flatMap(([node, all]) => [
    `${node}, last:`,
    ...all.slice(-LINES_PER_NODE).map((recorded) => recordedLine(subject, recorded)),
    "",
  ]);
}

/** The plan as JSON that --replay takes, with a line for each fault and step. */
function scheduleLines(plan: Plan): string[] {
  const { faults, steps, nodes, ...rest } = plan;
  if (faults.length + steps.length > MOST_ITEMS) return [];
  const list = (items: readonly unknown[]): string =>
    items.length === 0 ? "[]" : `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(",\n")}\n]`;
  const fields = Object.entries(rest).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  const text = `{"plan": {\n${fields.join("\n")}\n"nodes": ${list(nodes)},\n"faults": ${list(faults)},\n"steps": ${list(steps)}\n}}`;
  return ["schedule:", ...text.split("\n"), ""];
}

function recordedLine(subject: Subject, { atMs, event }: Recorded): string {
  return `  ${clock(atMs)} ${lineFor(subject, event)}`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")}.${String(ms % 1000).padStart(3, "0")}`;
}
