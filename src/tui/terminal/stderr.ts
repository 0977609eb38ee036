/**
 * Keeps everything that is not the UI off the screen while it is up: console methods, writes to stdout and stderr, and what native code (a library, a crash of
 * the runtime) prints on descriptor 2 go into the log file. Undone on the way out.
 */
import { dlopen, FFIType } from "bun:ffi";
import { appendFileSync, closeSync, constants, openSync } from "node:fs";
import { format } from "node:util";

type Undo = () => void;

/** Sends stray output to `logFile` until the returned function is called. `stderrIsTerminal` says whether descriptor 2 must move. */
export function captureStray(options: { logFile: string; stderrIsTerminal: boolean }): Undo {
  const undo = [captureConsole(options.logFile), captureStreams(options)];
  if (options.stderrIsTerminal) undo.push(moveDescriptor(options.logFile));
  return () => {
    for (const each of undo.splice(0).reverse()) each();
  };
}

function append(logFile: string, text: string): void {
  try {
    appendFileSync(logFile, text.endsWith("\n") ? text : `${text}\n`, { mode: 0o600 });
  } catch {
    // A full disk must not take the UI down; the line is lost.
  }
}

function captureConsole(logFile: string): Undo {
  const methods = ["log", "info", "warn", "error", "debug", "trace"] as const;
  const before = methods.map((method) => [method, console[method]] as const);
  for (const method of methods) console[method] = (...args: unknown[]) => append(logFile, format(...args));
  return () => {
    for (const [method, original] of before) console[method] = original;
  };
}

function captureStreams(options: { logFile: string; stderrIsTerminal: boolean }): Undo {
  const streams = options.stderrIsTerminal ? [process.stdout, process.stderr] : [process.stdout];
  const before = streams.map((stream) => stream.write);
  for (const stream of streams) {
    stream.write = ((chunk: string | Uint8Array) => {
      append(options.logFile, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      return true;
    }) as typeof stream.write;
  }
  return () => {
    streams.forEach((stream, i) => {
      stream.write = before[i] as typeof stream.write;
    });
  };
}

/**
 * Points descriptor 2 at the log file with dup2, which is atomic: closing and opening it instead would let a thread of the
 * store open one of its files as descriptor 2 in between. Where the C library cannot be reached, nothing is moved.
 */
function moveDescriptor(logFile: string): Undo {
  const libc = cLibrary();
  if (libc === undefined) return () => undefined;
  const { dup, dup2 } = libc.symbols;
  try {
    const target = openSync(logFile, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
    const saved = dup(2);
    dup2(target, 2);
    closeSync(target);
    return () => {
      if (saved < 0) return;
      dup2(saved, 2);
      closeSync(saved);
    };
  } catch {
    return () => undefined;
  }
}

const SIGNATURES = {
  dup: { args: [FFIType.i32], returns: FFIType.i32 },
  dup2: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
} as const;

function cLibrary() {
  const names = ["libc.so.6", "libSystem.B.dylib", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];
  for (const name of names) {
    try {
      return dlopen(name, SIGNATURES);
    } catch {
      // Another system's name.
    }
  }
  return undefined;
}
