/**
 * Gives the terminal back on every way out: a key, a signal, an exception, `process.exit`, and, by a shell that waits on a pipe, SIGKILL and crashes of the
 * runtime. Also the one place that turns a signal into a quit of the UI, so that the manager in the same process can be ended gracefully. Must never wait for a
 * terminal that does not read.
 */
import { writeSync } from "node:fs";

/** Switches off every mode that the UI or a program in its terminal may have set (xterm's control sequences). */
const MODES =
  "\x1b[?2026l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b(B\x0f\x1b[0m\x1b[?25h";

/** Leaves the alternate screen. `[r` moves the cursor home, so it may only be sent while still on that screen. */
const LEAVE = "\x1b[r\x1b[?1049l";

/** Signals that end the UI, with their numbers: the exit code is 128 more. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGPIPE: 13, SIGTERM: 15 } as const;

/** A signal that ended the UI. */
export type SignalName = keyof typeof SIGNALS;

/** What the guard needs of the screen it guards. */
export type Guarded = {
  /** Leaves the alternate screen and ends drawing; may throw half-way. */
  destroy(): void;
  /** Gives raw mode back. */
  stopInput(): void;
  /** Writes without waiting; false if the terminal did not take all of it. */
  lastWords(text: string): boolean;
  /** Runs after the terminal is back and before any message: stray output may be shown again. */
  afterwards(): void;
};

type GuardOptions = {
  /** The terminal is back already; ends the UI in good order, once. */
  onSignal: (signal: SignalName, exitCode: number) => void;
  /** The process was stopped and goes on: whoever had the terminal meanwhile changed its modes and its screen. */
  onContinue: () => void;
  /** Starts the shell that outlives a killed process. */
  watchdog: boolean;
};

/** Guards one terminal from its construction to `restore`. */
export class Guard {
  #guarded: Guarded | undefined;
  #done = false;
  /** True when the terminal did not take the last words: whoever writes to it now waits until it reads again. */
  stalled = false;
  #dog: ReturnType<typeof spawnDog> | undefined;
  readonly #options: GuardOptions;
  readonly #handlers: [string, (...args: never[]) => void][] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
    for (const [signal, number] of Object.entries(SIGNALS)) {
      this.#listen(signal, () => this.#signalled(signal as SignalName, 128 + number));
    }
    this.#listen("uncaughtException", (error: unknown) => this.#crashed(error));
    this.#listen("unhandledRejection", (error: unknown) => this.#crashed(error));
    this.#listen("exit", () => this.restore());
    // Stopping the UI would stop the manager in this process; SIGSTOP cannot be refused, so its end is handled.
    this.#listen("SIGTSTP", () => undefined);
    this.#listen("SIGCONT", () => {
      if (!this.#done) this.#options.onContinue();
    });
    if (options.watchdog) this.#dog = spawnDog();
  }

  /** From now on this screen is given back. */
  watch(guarded: Guarded): void {
    this.#guarded = guarded;
  }

  /** Gives the terminal back; the second call does nothing. */
  restore(): void {
    if (this.#done) return;
    this.#done = true;
    const left = attempt(() => this.#guarded?.destroy()) && this.#guarded !== undefined;
    attempt(() => this.#guarded?.stopInput());
    this.stalled = !(this.#guarded?.lastWords(MODES + (left ? "" : LEAVE)) ?? true);
    attempt(() => this.#guarded?.afterwards());
    this.#dismissDog();
  }

  /** Takes the handlers off again: the process goes on without a UI. */
  dispose(): void {
    this.restore();
    for (const [event, handler] of this.#handlers.splice(0)) process.off(event, handler as () => void);
  }

  /** A terminal that took only a part of the last words is finished by the shell, as soon as it reads again. */
  #dismissDog(): void {
    const dog = this.#dog;
    if (dog === undefined) return;
    attempt(() => {
      dog.stdin.write(this.stalled ? "again\n" : "ok\n");
      dog.stdin.end();
    });
  }

  #listen(event: string, handler: (...args: never[]) => void): void {
    this.#handlers.push([event, handler]);
    process.on(event, handler as () => void);
  }

  #signalled(signal: SignalName, exitCode: number): void {
    // The second signal means now: the orderly end took too long for whoever sent it.
    if (this.#done) process.exit(exitCode);
    this.restore();
    this.#options.onSignal(signal, exitCode);
  }

  #crashed(error: unknown): void {
    this.restore();
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (!this.stalled) attempt(() => writeSync(2, `cube: ${text}\n`));
    process.exit(1);
  }
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

const DOG = `trap "" HUP INT QUIT TERM TSTP
read word
case "$word" in
  ok) ;;
  again) printf "$1" ;;
  *) printf "$1"; stty sane <&1; echo "cube: ended without warning; the terminal was restored" ;;
esac`;

/**
 * A shell that waits on a pipe and restores the terminal when the pipe closes without a word. It inherits stdout instead of
 * opening /dev/tty, which is gone once the dead process was the leader of its session.
 */
function spawnDog() {
  const reset = (MODES + LEAVE).replaceAll("\x1b", "\\033").replaceAll("\x0f", "\\017");
  const dog = Bun.spawn(["/bin/sh", "-c", DOG, "cube-tty-guard", reset], {
    stdin: "pipe",
    stdout: "inherit",
    stderr: "ignore",
    env: { PATH: "/usr/bin:/bin" },
  });
  dog.unref();
  return dog;
}
