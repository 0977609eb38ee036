/**
 * The log: one line of JSON for each event, in a file and never on the screen, which belongs to the UI. The file is readable by its owner alone and bounded:
 * past `maxBytes` it is renamed to FILE.1, in place of the one before, and a new one is begun. A log that cannot be written never stops the program.
 */
import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** How important a line is, in rising order. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What stands beside a message: numbers, texts, errors (with stack and cause), plain objects. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where hosts and shells write what happened. Never throws, never waits. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A log with its file. */
export interface FileLog extends Log, Disposable {
  readonly file: string;
  /** Why the log cannot be written, in words; "" while it can. */
  readonly problem: string;
}

export interface LogOptions {
  /** Absolute path; its directory is made when it is missing. */
  readonly file: string;
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  /** Size at which the file is rotated; MAX_LOG_BYTES by default. */
  readonly maxBytes?: number;
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number;
}

/** Bound of the file and of the one before it. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Bound of one line; what is longer is cut inside its message and loses its fields. */
export const MAX_LINE_BYTES = 16 * 1024;

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Opens the log. A file that cannot be opened gives a log that drops its lines and says so in `problem`. */
export function createLog(options: LogOptions): FileLog {
  const writer = new RotatingFile(options.file, options.maxBytes ?? MAX_LOG_BYTES);
  const lowest = LEVELS.indexOf(options.level);
  const now = options.nowMs ?? Date.now;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(level) >= lowest)
      writer.write(formatLine({ atMs: now(), level, message, fields: fields ?? {} }));
  };
  return {
    file: options.file,
    get problem() {
      return writer.problem;
    },
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    [Symbol.dispose]: () => writer.close(),
  };
}

/** One line, with its line end; never longer than MAX_LINE_BYTES. Pure. */
export function formatLine(entry: {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}): string {
  const head = { at: new Date(entry.atMs).toISOString(), level: entry.level, message: entry.message };
  const line = `${JSON.stringify({ ...head, ...plainFields(entry.fields), ...head })}\n`;
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  // An eighth, because one character may take six bytes as an escape.
  return `${JSON.stringify({ ...head, message: entry.message.slice(0, MAX_LINE_BYTES / 8), cut: true })}\n`;
}

function plainFields(fields: LogFields): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields, plainValue)) as Record<string, unknown>;
  } catch (error) {
    return { unwritable: error instanceof Error ? error.message : String(error) };
  }
}

function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  return { ...value, name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}

/** Appends to a file and rotates it. Errors are kept, not thrown: a full disk must not end the manager. */
class RotatingFile {
  problem = "";
  readonly #file: string;
  readonly #maxBytes: number;
  #fd: number | null = null;
  #size = 0;

  constructor(file: string, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#attempt(() => this.#open());
  }

  write(line: string): void {
    this.#attempt(() => {
      if (this.#fd === null) this.#open();
      if (this.#size > 0 && this.#size + Buffer.byteLength(line) > this.#maxBytes) this.#rotate();
      if (this.#fd === null) return;
      this.#size += writeSync(this.#fd, line);
      this.problem = "";
    });
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #open(): void {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#fd = openSync(this.#file, "a", 0o600);
    fchmodSync(this.#fd, 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#file, `${this.#file}.1`);
    this.#open();
  }

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
