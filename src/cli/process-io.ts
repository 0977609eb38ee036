/** The process's own streams and signals as a command sees them. A reader that went away (`cube logs x | head`) ends the command quietly. */
import { homedir } from "node:os";
import { CommandFailed } from "./cli-error.ts";
import { type CliIo, Ended, type EndWatch, type Input, type Output } from "./io.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The real surroundings; to be made once. */
export function processIo(): CliIo {
  const gone = new AbortController();
  const stdout = output(process.stdout, gone);
  const stderr = output(process.stderr, gone);
  return {
    env: process.env,
    home: homedir(),
    cwd: process.cwd(),
    stdin: input(),
    stdout,
    stderr,
    nowMs: Date.now,
    lives,
    watchForEnd: () => watchForEnd(gone.signal),
    onResize: (listener) => {
      process.stdout.on("resize", listener);
      return { [Symbol.dispose]: () => process.stdout.off("resize", listener) };
    },
    flush: async () => {
      await Promise.all([stdout.flushed(), stderr.flushed()]);
      if (gone.signal.aborted && !(gone.signal.reason instanceof Ended)) throw gone.signal.reason;
    },
  };
}

/** Bytes that may wait for a slow reader before `ready` holds a command back. */
const WAITING_BYTES = 1024 * 1024;

/** An Output that knows what has not left the process yet: `writableLength` says 0 under Bun whatever a pipe still has to take. */
interface CountedOutput extends Output {
  flushed(): Promise<void>;
}

function output(stream: NodeJS.WriteStream, gone: AbortController): CountedOutput {
  let waiting = 0;
  let broken = false;
  let wake = Promise.withResolvers<void>();
  const wakeAll = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const fail = (error: NodeJS.ErrnoException): void => {
    broken = true;
    gone.abort(reasonOf(error));
    wakeAll();
  };
  const atMost = async (bytes: number): Promise<void> => {
    while (waiting > bytes && !broken) await wake.promise;
  };
  stream.on("error", fail);
  return {
    write: (data) => {
      if (broken) return;
      const bytes = Buffer.byteLength(data);
      waiting += bytes;
      stream.write(data, (error) => {
        waiting -= bytes;
        if (error) fail(error);
        else wakeAll();
      });
    },
    ready: () => atMost(WAITING_BYTES),
    flushed: () => atMost(0),
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}

/** A reader that has had enough is nobody's mistake; a full disk under a redirection is a failure. */
function reasonOf(error: NodeJS.ErrnoException): Error {
  return error.code === "EPIPE" ? new Ended(0) : new CommandFailed(`the output cannot be written: ${error.message}`);
}

function input(): Input {
  const stdin = process.stdin;
  return {
    isTTY: stdin.isTTY === true,
    setRawMode: (on) => {
      if (stdin.isTTY) stdin.setRawMode(on);
    },
    readAll: () => Bun.stdin.text(),
    open: ({ onData, onEnd }) => {
      let isOpen = true;
      const take = (data: Uint8Array): void => {
        const taken = onData(data);
        if (taken === undefined) return;
        stdin.pause();
        void taken.then(() => {
          if (isOpen) stdin.resume();
        });
      };
      stdin.on("data", take).on("end", onEnd);
      stdin.resume();
      return {
        [Symbol.dispose]: () => {
          isOpen = false;
          stdin.off("data", take).off("end", onEnd);
          stdin.pause();
        },
      };
    },
  };
}

/** Signal 0 only asks; a process of somebody else's is there, too. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function watchForEnd(gone: AbortSignal): EndWatch {
  const controller = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = () => controller.abort(new Ended(code));
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  const onGone = () => controller.abort(gone.reason);
  if (gone.aborted) onGone();
  gone.addEventListener("abort", onGone, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const off of listeners) off();
      gone.removeEventListener("abort", onGone);
    },
  };
}
