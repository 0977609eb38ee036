/**
 * What the directory of a process says: whose it is, whether it runs, how it ended. Directories are the only memory, so that a new worker knows as much as
 * the old one did. Writes nothing but the record of a creation.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CreateRequest, Instance } from "../worker/effects.ts";
import { bootId, isAlive, mainOf, type ProcessIdentity, RUN, supervisorOf } from "./process-supervisor.ts";

/** What is kept of a creation. */
export interface ProcessRecord {
  readonly version: 1;
  readonly nodeId: string;
  readonly request: CreateRequest;
}

/** How a process is. `ending`: it is dead and its supervisor is about to say how; `starting`: it is about to be. */
export type ProcessState =
  | { readonly kind: "created" }
  | { readonly kind: "starting" | "ending" }
  | { readonly kind: "running"; readonly main: ProcessIdentity; readonly startedMs: number }
  | { readonly kind: "exited"; readonly code: number | null; readonly startedMs: number; readonly finishedMs: number };

const RECORD = "task.json";

/** The directory's name, and the instance's id. */
export function processId(of: { readonly taskId: string; readonly incarnation: number }): string {
  return `${of.taskId}-${of.incarnation}`;
}

/** True for a name that this runtime gives: nothing else is ever joined to a path. */
export function isProcessId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}-\d{1,9}$/.test(id);
}

/** The record of a directory; null when there is none (yet). */
export function readRecord(directory: string): ProcessRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(directory, RECORD), "utf8")) as ProcessRecord;
    return record.version === 1 ? record : null;
  } catch {
    return null;
  }
}

/** Makes the directory (one that is there already is no error: creation may have been cut off) and writes the record in one step. */
export function writeRecord(directory: string, record: ProcessRecord): void {
  mkdirSync(join(directory, "work"), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, `${RECORD}.new`), JSON.stringify(record), { mode: 0o600 });
  renameSync(join(directory, `${RECORD}.new`), join(directory, RECORD));
}

/** How the process of a directory is now. */
export function readState(directory: string): ProcessState {
  if (!exists(join(directory, RUN.directory))) return { kind: "created" };
  const code = exitCode(directory);
  if (code !== undefined) return ended(directory, code);
  if (text(join(directory, RUN.boot))?.trim() !== bootId()) return ended(directory, null);
  const main = mainOf(directory);
  if (main && isAlive(main)) return { kind: "running", main, startedMs: modifiedMs(join(directory, RUN.main)) };
  const supervisor = supervisorOf(directory);
  if (supervisor && isAlive(supervisor)) return { kind: main ? "ending" : "starting" };
  // It may have written its last word between the two looks.
  return ended(directory, exitCode(directory) ?? null);
}

/** The instance that a directory is to the worker. */
export function toProcessInstance(id: string, record: ProcessRecord, state: ProcessState): Instance {
  const { request } = record;
  const exited = state.kind === "exited";
  return {
    taskId: request.taskId,
    incarnation: request.incarnation,
    instanceId: id,
    runtime: "process",
    status: exited ? "exited" : state.kind === "created" ? "created" : "running",
    specHash: request.specHash,
    exitCode: exited ? state.code : null,
    oomKilled: false,
    error: "",
    ports: request.spec.ports.map((port) => ({ ...port, hostPort: port.hostPort || port.containerPort })),
    address: "127.0.0.1",
    startedMs: state.kind === "running" || exited ? state.startedMs : 0,
    finishedMs: exited ? state.finishedMs : 0,
  };
}

/** Says how a process ended whose supervisor cannot any more; what the supervisor has said stays. */
export function writeExit(directory: string, code: number): void {
  try {
    writeFileSync(join(directory, RUN.exit), `${code}\n`, { flag: "wx" });
  } catch {
    // The supervisor was quicker.
  }
}

/** undefined while nobody has said it; null for a word that is no number. */
function exitCode(directory: string): number | null | undefined {
  const written = text(join(directory, RUN.exit));
  if (written === null || !written.endsWith("\n")) return undefined;
  const code = Number(written.trim());
  return Number.isSafeInteger(code) ? code : null;
}

function ended(directory: string, code: number | null): ProcessState {
  const startedMs = modifiedMs(join(directory, RUN.main));
  // Without an exit file the last sign of life is the best that is known.
  const finishedMs =
    modifiedMs(join(directory, RUN.exit)) ||
    Math.max(startedMs, modifiedMs(join(directory, "stdout")), modifiedMs(join(directory, "stderr")));
  return { kind: "exited", code, startedMs, finishedMs };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function modifiedMs(path: string): number {
  return Math.floor(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function text(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
