/**
 * Runs a command beside a plain process, with the same environment and directory: what "inside" means where there is no container. With a terminal the
 * command gets a pseudo terminal and a session of its own; without, three pipes.
 */
import { fail, ok, type Result, wordsOf } from "../core/failure.ts";
import type { ExecRequest, ExecSession } from "../worker/ports.ts";
import { OutputQueue } from "./output-queue.ts";

/** Where the command runs. */
export interface ExecPlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How long output may trail the end of a command: a background child of it may keep the pipe open for ever. */
const TRAIL_MS = 250;

/** Starts the command. Fails with `invalid` when there is no such program. */
export function execBeside(place: ExecPlace, request: ExecRequest): Result<ExecSession> {
  const [program = ""] = request.command;
  if (Bun.which(program, { PATH: place.env.PATH ?? "", cwd: place.cwd }) === null) {
    return fail("invalid", `program ${program}: not found on this node, or not executable`);
  }
  try {
    return ok(request.tty ? terminalSession(place, request) : pipeSession(place, request));
  } catch (error) {
    return fail("transient", `program ${program}: ${wordsOf(error)}`);
  }
}

function terminalSession(place: ExecPlace, request: ExecRequest): ExecSession {
  const output = new OutputQueue({});
  const drained = Promise.withResolvers<void>();
  let written = Promise.withResolvers<void>();
  const child = Bun.spawn([...request.command], {
    cwd: place.cwd,
    env: { TERM: "xterm-256color", ...place.env },
    terminal: {
      cols: request.columns,
      rows: request.rows,
      // The terminal uses its buffer again: what is kept must be a copy.
      data: (_terminal, data) => output.push({ stream: "stdout", data: Uint8Array.from(data) }),
      drain: () => {
        written.resolve();
        written = Promise.withResolvers<void>();
      },
      exit: () => drained.resolve(),
    },
  });
  const exitCode = child.exited.then(async (code) => {
    written.resolve();
    await Promise.race([drained.promise, Bun.sleep(TRAIL_MS)]);
    child.terminal?.close();
    output.end();
    return code;
  });
  return {
    output,
    exitCode,
    write: async (data) => {
      // Of nothing written the terminal never says that it has drained.
      if (data.length === 0 || child.exitCode !== null || child.terminal?.closed !== false) return;
      const { promise } = written;
      child.terminal.write(Uint8Array.from(data));
      await promise;
    },
    // End of input on a terminal is its own character, ^D.
    closeInput: () => void (child.terminal?.closed === false && child.terminal.write("\x04")),
    resize: (columns, rows) => void (child.terminal?.closed === false && child.terminal.resize(columns, rows)),
    close: () => child.kill("SIGHUP"),
  };
}

function pipeSession(place: ExecPlace, request: ExecRequest): ExecSession {
  const child = Bun.spawn([...request.command], {
    cwd: place.cwd,
    env: { ...place.env },
    stdin: request.stdin ? "pipe" : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const gate = new Gate();
  const output = new OutputQueue({ pause: () => gate.close(), resume: () => gate.open() });
  const copied = Promise.all([copy(child.stdout, "stdout", output, gate), copy(child.stderr, "stderr", output, gate)]);
  const exitCode = child.exited.then(async (code) => {
    await Promise.race([copied, Bun.sleep(TRAIL_MS).then(() => gate.whenOpen())]);
    output.end();
    return code;
  });
  const { stdin } = child;
  return {
    output,
    exitCode,
    write: async (data) => {
      // A command that has ended, or has closed its input, takes nothing any more.
      await Promise.all([stdin?.write(data), stdin?.flush()]).catch(() => undefined);
    },
    closeInput: () => void stdin?.end(),
    resize: () => {},
    close: () => {
      gate.open();
      endGroup(child.pid);
    },
  };
}

async function copy(
  source: ReadableStream<Uint8Array>,
  stream: "stdout" | "stderr",
  output: OutputQueue,
  gate: Gate,
): Promise<void> {
  for await (const data of source) {
    output.push({ stream, data });
    await gate.whenOpen();
  }
}

/** The command leads a group of its own; its children go with it. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** Holds a reader back while it is closed. */
class Gate {
  #waiting = Promise.withResolvers<void>();
  #closed = false;

  close(): void {
    if (!this.#closed) this.#waiting = Promise.withResolvers<void>();
    this.#closed = true;
  }

  open(): void {
    this.#closed = false;
    this.#waiting.resolve();
  }

  async whenOpen(): Promise<void> {
    if (this.#closed) await this.#waiting.promise;
  }
}
