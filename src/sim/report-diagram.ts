/**
 * The messages before a violation as a diagram in plain text: a line of life for each machine that is involved, from top to bottom, and the messages between
 * them as arrows. What was lost, or was still on its way, is drawn as an arrow that does not arrive. Pure.
 */
import type { Recorded, Recording, SentFrame } from "./report-recording.ts";
import { carries, lineFor, messageLine, type Subject, touches } from "./report-subject.ts";
import type { SimEvent } from "./trace.ts";

/** Size of the diagram, in characters. */
export const DIAGRAM_COLUMNS = 120;
export const DIAGRAM_ROWS = 80;
/** Machines that have a line, at most. */
const LINES = 6;
/** Characters of the moment, and of one line with the space to its right. */
const CLOCK = 14;
const SPACE = 10;
/** Numbers of two digits fit between two lines. */
const MOST_NUMBERS = 99;
/** A message that took longer is always drawn with two ends, in ms. */
const SOON_MS = 1_000;
/** Rows above the first message. */
const HEAD = 2;

/** `clock`: how a moment is written. Empty when nothing was said between the machines. */
export function diagram(recording: Recording, subject: Subject, clock: (ms: number) => string): readonly string[] {
  const machines = machinesOf(recording, subject);
  const rows = rowsOf(recording, subject, machines).slice(-(DIAGRAM_ROWS - HEAD));
  if (rows.length === 0) return [];
  const canvas = new Canvas(machines);
  const head = [`${" ".repeat(CLOCK)}${canvas.names()}`.trimEnd(), ""];
  canvas.prepare(rows);
  return [...head, ...rows.map((row) => canvas.line(row, clock(row.atMs)))].map((line) =>
    line.length > DIAGRAM_COLUMNS ? `${line.slice(0, DIAGRAM_COLUMNS - 1)}…` : line,
  );
}

type Row =
  | { readonly kind: "arrow"; readonly atMs: number; readonly frame: SentFrame; readonly text: string }
  /** One end of an arrow that has other rows between its ends. */
  | { readonly kind: "sent" | "heard"; readonly atMs: number; readonly frame: SentFrame; readonly text: string }
  | { readonly kind: "lost"; readonly atMs: number; readonly frame: SentFrame; readonly text: string }
  | {
      readonly kind: "event";
      readonly atMs: number;
      readonly at: string;
      readonly event: SimEvent;
      readonly text: string;
    };

/** Managers first, then the nodes that the violation is about; when it names none, those that said something last. */
function machinesOf({ frames, outcome }: Recording, { machines }: Subject): readonly string[] {
  const speakers = new Set(frames.toReversed().flatMap(({ from, to }) => [from, to]));
  const managers = [...speakers].filter((name) => isManager(name)).toSorted();
  const isAsked = (name: string): boolean => machines.size === 0 || machines.has(name.replace("'", ""));
  const nodes = [...speakers].filter((name) => !isManager(name) && isAsked(name)).slice(0, LINES - managers.length);
  const planned = outcome.plan.nodes.map(({ name }) => name);
  return [...managers, ...nodes.toSorted((one, other) => placeIn(planned, one) - placeIn(planned, other))];
}

function isManager(name: string): boolean {
  return /^m\d$/.test(name);
}

/** A clone stands beside its original. */
function placeIn(planned: readonly string[], name: string): number {
  return planned.indexOf(name.replace("'", "")) + (name.endsWith("'") ? 0.5 : 0);
}

function rowsOf({ frames, events }: Recording, subject: Subject, machines: readonly string[]): readonly Row[] {
  const shown = frames.filter(
    (frame) => machines.includes(frame.from) && machines.includes(frame.to) && isWorthALine(subject, frame),
  );
  const points = [
    ...folded(shown).flatMap(({ frame, text }) => pointsOf(frame, `${messageLine(subject, frame)}${text}`)),
    ...events.flatMap((recorded) => eventPoints(recorded, subject, machines)),
  ].toSorted((one, other) => one.order - other.order);
  return joined(points.map(({ row }) => row));
}

/** What says little when it arrives: signs of life, and what is about other tasks. */
function isWorthALine(subject: Subject, frame: SentFrame): boolean {
  if (frame.fate !== "" || carries(subject, frame)) return true;
  if (frame.frame.kind !== "message") return frame.frame.kind !== "ping" && frame.frame.kind !== "pong";
  const { kind } = frame.frame.message;
  if (kind === "heartbeat" || kind === "open" || kind === "proof" || kind === "bulk") return false;
  const isAboutTasks = kind === "assignments" || kind === "report" || kind === "ack" || kind === "facts";
  return !isAboutTasks || subject.tasks.size === 0;
}

/** Of messages that say nothing by themselves and came to nothing in the same way, one for all. */
function folded(frames: readonly SentFrame[]): { readonly frame: SentFrame; readonly text: string }[] {
  const counts = new Map<string, number>();
  const keyOf = ({ from, to, frame, fate }: SentFrame): string | null => {
    const kind = frame.kind === "message" ? frame.message.kind : frame.kind;
    const saysNothing = ["heartbeat", "ping", "pong", "open", "proof"].includes(kind);
    return fate !== "" && saysNothing ? [from, to, kind, fate].join(" ") : null;
  };
  for (const frame of frames) {
    const key = keyOf(frame);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return frames.flatMap((frame) => {
    const key = keyOf(frame);
    if (key === null) return [{ frame, text: "" }];
    const many = counts.get(key);
    if (many === undefined) return [];
    counts.delete(key);
    return [{ frame, text: many === 1 ? "" : `, and ${many - 1} more later` }];
  });
}

interface Point {
  readonly order: number;
  readonly row: Row;
}

function pointsOf(frame: SentFrame, text: string): Point[] {
  const { order, sentMs, heard, fate, intoCut } = frame;
  if (heard === null) return [{ order, row: { kind: "lost", atMs: sentMs, frame, text: `${text}: ${fate}` } }];
  const cut = intoCut ? ", held by a cut" : "";
  const late = heard.atMs - sentMs;
  const end = `${text}${fate === "" ? "" : `: ${fate}`} (${late} ms${cut})`;
  return [
    { order, row: { kind: "sent", atMs: sentMs, frame, text: `${text}${intoCut ? ": held by a cut" : ""}` } },
    { order: heard.order, row: { kind: "heard", atMs: heard.atMs, frame, text: end } },
  ];
}

/** A message is one arrow when nothing has happened to its receiver while it was on its way, other than messages from the same sender. */
function joined(rows: readonly Row[]): readonly Row[] {
  const result: Row[] = [];
  for (const row of rows) {
    const at = row.kind === "heard" ? sentAt(result, row.frame) : -1;
    const sent = result[at];
    if (row.kind === "heard" && sent !== undefined && row.atMs - sent.atMs <= SOON_MS)
      result[at] = { ...row, kind: "arrow", atMs: sent.atMs };
    else result.push(row);
  }
  return result;
}

/** Where it was sent; -1 when it cannot be told as one arrow from there. */
function sentAt(rows: readonly Row[], { from, to, order }: SentFrame): number {
  for (let at = rows.length - 1; at >= 0; at--) {
    const row = rows[at];
    if (row === undefined) return -1;
    if (row.kind === "event") {
      if (row.at === to || row.at === "") return -1;
      continue;
    }
    if (row.frame.order === order) return row.kind === "sent" ? at : -1;
    const isSameWay = row.frame.from === from && row.frame.to === to;
    const isAtReceiver =
      (row.kind !== "heard" && row.frame.from === to) || (row.kind !== "sent" && row.frame.to === to);
    if (isAtReceiver && !isSameWay) return -1;
  }
  return -1;
}

function eventPoints({ order, atMs, event }: Recorded, subject: Subject, machines: readonly string[]): Point[] {
  const at = placeOf(event);
  if (at === null || (at !== "" && !machines.includes(at)) || !isTold(subject, event)) return [];
  return [{ order, row: { kind: "event", atMs, at, event, text: lineFor(subject, event) } }];
}

/** On whose line it happens; "" for on nobody's, null for what is no part of a diagram. */
function placeOf(event: SimEvent): string | null {
  switch (event.kind) {
    case "fault":
    case "healed":
      return "";
    case "process":
      return event.who;
    case "created":
    case "started":
    case "signalled":
    case "died":
    case "removed":
      return event.container.node;
    case "durable":
    case "answered":
    case "adopting":
    case "took-over":
    case "replaced":
      return "manager" in event ? event.manager : "m1";
    case "unlinked":
      return event.node;
    default:
      return null;
  }
}

function isTold(subject: Subject, event: SimEvent): boolean {
  const isOfTask = "container" in event || event.kind === "durable" || event.kind === "answered";
  return !isOfTask || touches(subject, event);
}

/** Draws rows between lines of life. */
class Canvas {
  readonly #machines: readonly string[];
  /** `|` for a machine whose process lives, `:` for one that stands still, a blank for one that is dead. */
  readonly #lives = new Map<string, string>();
  /** Numbers of arrows whose two ends are apart. */
  readonly #numbers = new Map<SentFrame, number>();

  constructor(machines: readonly string[]) {
    this.#machines = machines;
  }

  names(): string {
    return this.#machines.map((name) => name.padEnd(SPACE)).join("");
  }

  /** Finds who is not alive when the rows begin, and gives arrows with two rows their numbers. */
  prepare(rows: readonly Row[]): void {
    for (const row of rows.toReversed()) {
      if (row.kind !== "event" || row.event.kind !== "process") continue;
      this.#lives.set(row.at, { starts: " ", dies: "|", stops: "|", "goes on": ":" }[row.event.what]);
    }
    for (const row of rows) {
      if ((row.kind !== "sent" && row.kind !== "heard") || this.#numbers.has(row.frame)) continue;
      this.#numbers.set(row.frame, (this.#numbers.size % MOST_NUMBERS) + 1);
    }
  }

  line(row: Row, clock: string): string {
    const cells = this.#cells();
    if (row.kind === "event") this.#mark(cells, row);
    else this.#arrow(cells, row);
    return `${clock.padEnd(CLOCK)}${cells.join("")}${row.text}`.trimEnd();
  }

  #cells(): string[] {
    return this.#machines.flatMap((name) => [this.#lives.get(name) ?? "|", ...Array(SPACE - 1).fill(" ")]);
  }

  #mark(cells: string[], { at, event }: Extract<Row, { readonly kind: "event" }>): void {
    if (at === "") return;
    const signs = { starts: "S", dies: "X", stops: "Z", "goes on": "S" } as const;
    cells[this.#columnOf(at)] = event.kind === "process" ? signs[event.what] : "*";
    if (event.kind !== "process") return;
    this.#lives.set(at, { starts: "|", dies: " ", stops: ":", "goes on": "|" }[event.what]);
  }

  #arrow(cells: string[], { kind, frame }: Exclude<Row, { readonly kind: "event" }>): void {
    const [from, to] = [this.#columnOf(frame.from), this.#columnOf(frame.to)];
    const [left, right] = [Math.min(from, to), Math.max(from, to)];
    const middle = kind === "lost" ? (from < to ? left + SPACE / 2 : right - SPACE / 2) : (left + right) >> 1;
    const drawn = (column: number): boolean => {
      if (kind === "arrow") return true;
      const isNearSender = from < to ? column < middle : column > middle;
      return kind === "heard" ? !isNearSender : isNearSender;
    };
    for (let column = left + 1; column < right; column++) if (drawn(column)) cells[column] = "-";
    if (kind === "arrow" || kind === "heard") cells[from < to ? right - 1 : left + 1] = from < to ? ">" : "<";
    if (kind === "lost") cells[middle] = "x";
    if (kind === "sent" || kind === "heard") this.#number(cells, middle, frame);
  }

  #number(cells: string[], middle: number, frame: SentFrame): void {
    const text = `(${this.#numbers.get(frame)})`;
    for (const [i, sign] of [...text].entries()) cells[middle - 1 + i] = sign;
  }

  #columnOf(name: string): number {
    return this.#machines.indexOf(name) * SPACE;
  }
}
