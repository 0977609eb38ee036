// Messages of every kind, and ways to spoil them: for the codec's tests and for the long run of scripts/fuzz-messages.ts.

import type { Result } from "../../src/core/failure.ts";
import { type Draw, seededDraw } from "../../src/core/jitter.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { unseen } from "../../src/core/task.ts";
import { readManagerFrame, readWorkerFrame } from "../../src/protocol/codec.ts";
import { readBulkAnswer, readBulkAsk, readBulkData } from "../../src/protocol/codec-bulk.ts";
import type { Assignment, ManagerMessage, SessionMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import { Session } from "../../src/protocol/session.ts";
import { helloOf, SOME_MANAGER } from "../transport/links-bed.ts";

const NONCE = "0123456789abcdef".repeat(4);
const PROTOCOL = { min: 1, max: 1 };

const FACT = {
  ...unseen("t1", "assigned"),
  incarnation: 2,
  state: "running",
  ports: [{ containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" }],
  exits: [{ incarnation: 1, code: null, oomKilled: true, reason: "oom 👋", atMs: 5 }],
} as const;

const ASSIGNMENT: Assignment = {
  taskId: "t1",
  jobId: "j1",
  name: "web",
  service: "web",
  slot: 0,
  attempt: 1,
  spec: {
    ...DEFAULT_TASK,
    image: "busybox",
    env: { A: "1", "B\u0000": "\ud83d\ude00" },
    entrypoint: ["/bin/sh"],
    mounts: [{ kind: "volume", source: "data", target: "/data", readOnly: false }],
    health: {
      probe: { kind: "http", path: "/", port: 80 },
      intervalMs: 1,
      timeoutMs: 1,
      retries: 1,
      startPeriodMs: 0,
    },
    constraints: [{ key: "node.id", operator: "!=", value: "x" }],
  },
  desired: "run",
  restartSerial: 0,
  known: FACT,
};

/** One of each that a worker says. */
export const WORKER_FRAMES: readonly (WorkerMessage | SessionMessage)[] = [
  { kind: "open", from: "worker", protocol: PROTOCOL, nonce: NONCE, machineId: "m", processId: "p" },
  { kind: "proof", mac: NONCE },
  { kind: "proof", mac: NONCE, membership: NONCE },
  { kind: "bulk", nonce: NONCE },
  helloOf({}),
  { kind: "report", number: 3, full: true, facts: [FACT], removed: ["t0"] },
  { kind: "facts", facts: (helloOf({}) as Extract<WorkerMessage, { kind: "hello" }>).facts },
  { kind: "refused", reason: "an older term" },
  { kind: "held", held: [{ assignment: ASSIGNMENT, fact: FACT }], strays: [FACT], last: true },
  {
    kind: "heartbeat",
    metrics: {
      cpuMillis: 1.5,
      memoryUsedBytes: 1,
      memoryTotalBytes: 2,
      diskUsedBytes: 3,
      diskTotalBytes: 4,
      load: [0.1, 0.2, 0.3],
      tasks: [{ taskId: "t1", cpuMillis: 3, memoryBytes: 4 }],
      atMs: 1_700_000_000_000,
      book: { MemStats: { MemTotalKb: 1 }, DiskStats: {}, CpuStats: { Id: "cpu", User: 1 }, LoadStats: {} },
    },
    progress: [{ taskId: "t1", text: "pulling" }],
  },
];

/** One of each that a manager says. */
export const MANAGER_FRAMES: readonly (ManagerMessage | SessionMessage)[] = [
  { kind: "open", from: "manager", protocol: PROTOCOL, nonce: NONCE, enrol: true, manager: SOME_MANAGER },
  { kind: "joined", protocol: 1 },
  { kind: "joined", protocol: 1, membership: NONCE },
  { kind: "refused", reason: "no" },
  { kind: "bulk", nonce: NONCE },
  { kind: "welcome", manager: SOME_MANAGER, protocol: 1, heartbeatMs: 2_000 },
  { kind: "assignments", manager: SOME_MANAGER, number: 1, base: 0, put: [ASSIGNMENT], remove: [] },
  { kind: "ack", number: 9 },
  { kind: "tell" },
];

/** One of each that goes over a bulk socket, from the manager. */
export const BULK_ASKS: readonly unknown[] = [
  { kind: "logs", id: 1, taskId: "t1", query: { follow: true, tail: 10, sinceMs: null } },
  {
    kind: "exec",
    id: 2,
    taskId: "t1",
    request: { command: ["sh"], tty: true, stdin: true, columns: 80, rows: 24 },
  },
  { kind: "inspect", id: 3, taskId: "t1" },
  { kind: "end", id: 4 },
  { kind: "resize", id: 5, columns: 1, rows: 1 },
  { kind: "credit", id: 6, bytes: 1 },
  { kind: "reset", id: 7 },
];

/** And from the worker. */
export const BULK_ANSWERS: readonly unknown[] = [
  { kind: "started", id: 1 },
  { kind: "inspected", id: 2, value: { Id: "x" } },
  { kind: "end", id: 3, code: 0 },
  { kind: "failed", id: 4, failure: { kind: "not_found", message: "gone" } },
  { kind: "credit", id: 5, bytes: 1 },
  { kind: "reset", id: 6 },
];

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  "\u0000\ud800",
  "x".repeat(5_000),
  [],
  [[[[]]]],
  {},
  { kind: "open" },
];
const ODD_KEYS = ["__proto__", "constructor", "prototype", "kind", "", "toString", "x"];

/** A spoilt copy of a message as text. */
function spoil(value: unknown, draw: Draw): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
  const how = Math.floor(draw() * 8);
  let text = JSON.stringify(how < 4 ? mutated(value, draw, pick) : value);
  if (how === 4) text = text.slice(0, Math.floor(draw() * text.length));
  if (how === 5) {
    const at = Math.floor(draw() * text.length);
    text = text.slice(0, at) + String.fromCharCode(Math.floor(draw() * 65_536)) + text.slice(at + 1);
  }
  if (how === 6) text = "[".repeat(Math.floor(draw() * 2_000)) + text;
  return text;
}

/** One place of the value changed: taken away, added to, or of another type. */
function mutated(value: unknown, draw: Draw, pick: <T>(list: readonly T[]) => T): unknown {
  if (typeof value !== "object" || value === null || draw() < 0.15) return pick(ODD);
  if (Array.isArray(value)) {
    const copy = [...value];
    if (copy.length === 0 || draw() < 0.3) return [...copy, pick(ODD)];
    const at = Math.floor(draw() * copy.length);
    copy[at] = mutated(copy[at], draw, pick);
    return copy;
  }
  const entries = Object.entries(value);
  const at = Math.floor(draw() * (entries.length + 1));
  const entry = entries[at];
  if (entry === undefined) entries.push([pick(ODD_KEYS), pick(ODD)]);
  else if (draw() < 0.2) entries.splice(at, 1);
  else entries[at] = [entry[0], mutated(entry[1], draw, pick)];
  // By text, so that "__proto__" is a key like any other.
  return JSON.parse(`{${entries.map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`).join(",")}}`);
}

const READERS = [
  { seeds: WORKER_FRAMES, read: (text: string) => readWorkerFrame(text, "peer") },
  { seeds: MANAGER_FRAMES, read: (text: string) => readManagerFrame(text, "peer") },
  { seeds: BULK_ASKS, read: readBulkAsk },
  { seeds: BULK_ANSWERS, read: readBulkAnswer },
] as const;

/** Feeds `count` spoilt messages of each direction to what reads them and to sessions. Throws for anything but a typed outcome; tells how many were still good. */
export function fuzz(count: number, seed: number): { readonly good: number; readonly bad: number } {
  const draw = seededDraw(seed);
  let good = 0;
  for (let i = 0; i < count; i++) {
    for (const { seeds, read } of READERS) {
      const text = spoil(seeds[i % seeds.length], draw);
      const result: Result<unknown> = read(text);
      if (result.ok) good++;
      if (result.ok) sameAgain(result.value, read);
      else if (result.failure.kind !== "invalid") throw new Error(`an untyped failure for ${text.slice(0, 300)}`);
    }
    intoSession(spoil(WORKER_FRAMES[i % WORKER_FRAMES.length], draw), "manager");
    intoSession(spoil(MANAGER_FRAMES[i % MANAGER_FRAMES.length], draw), "worker");
    readBulkData(Uint8Array.from({ length: Math.floor(draw() * 8) }, () => Math.floor(draw() * 256)));
  }
  if (({} as Record<string, unknown>).polluted !== undefined) throw new Error("a prototype was changed");
  return { good, bad: count * READERS.length - good };
}

/** What was understood is said and understood again, the same. */
function sameAgain(value: unknown, read: (text: string) => Result<unknown>): void {
  const once = JSON.stringify(value);
  const again = read(once);
  if (!again.ok || JSON.stringify(again.value) !== once) throw new Error(`not the same again: ${once.slice(0, 300)}`);
}

function intoSession(text: string, kind: "manager" | "worker"): void {
  const read = (kind === "manager" ? readWorkerFrame : readManagerFrame)(text, "stranger");
  const session = new Session(
    kind === "manager"
      ? { kind, manager: null, known: null }
      : { kind, clusterId: "peer", machineId: "m", processId: "p" },
  );
  session.handle({ kind: "opened", peerId: "peer", nonce: "f".repeat(64) });
  for (let i = 0; i < 2; i++) {
    session.handle(read.ok ? { kind: "frame", frame: read.value } : { kind: "garbage", reason: read.failure.message });
  }
  if (session.isUp) throw new Error(`a session is up after ${text.slice(0, 300)}`);
}
