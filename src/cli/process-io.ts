/** The process's own streams and signals as a command sees them. A reader that went away (`cube logs x | head`) ends the command quietly. */
import { homedir } from "node:os";
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
    watchForEnd: () => watchForEnd(gone.signal),
    onResize: (listener) => {
      process.stdout.on("resize", listener);
      return { [Symbol.dispose]: () => process.stdout.off("resize", listener) };
    },
    flush: async () => {
      await Promise.all([flushed(process.stdout, gone.signal), flushed(process.stderr, gone.signal)]);
    },
  };
}

function output(stream: NodeJS.WriteStream, gone: AbortController): Output {
  stream.on("error", () => gone.abort(new Ended(0)));
  return {
    write: (data) => {
      if (!gone.signal.aborted) stream.write(data);
    },
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

function input(): Input {
  const stdin = process.stdin;
  return {
    isTTY: stdin.isTTY === true,
    setRawMode: (on) => {
      if (stdin.isTTY) stdin.setRawMode(on);
    },
    readAll: () => Bun.stdin.text(),
    open: ({ onData, onEnd }) => {
      const take = (data: Uint8Array) => onData(data);
      stdin.on("data", take).on("end", onEnd);
      stdin.resume();
      return {
        [Symbol.dispose]: () => {
          stdin.off("data", take).off("end", onEnd);
          stdin.pause();
        },
      };
    },
  };
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

/** The end of the process would cut off what a pipe has not taken yet. */
function flushed(stream: NodeJS.WriteStream, gone: AbortSignal): Promise<void> {
  if (gone.aborted || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    gone.addEventListener("abort", () => resolve(), { once: true });
    stream.write("", () => resolve());
  });
}
