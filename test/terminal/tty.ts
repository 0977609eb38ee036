// A person at a terminal, for tests: a program in a real pty (Bun.spawn's terminal) with a real emulator (@xterm/headless)
// that reads its screen. Tests wait for what they expect to see and never for a fixed time.
import { Unicode11Addon } from "@xterm/addon-unicode11";
import xterm from "@xterm/headless";
import { svgOf } from "./picture.ts";

/** How to start the program. */
export interface TtyOptions {
  readonly cols?: number;
  readonly rows?: number;
  /** Added to a bare environment of HOME, PATH, LANG and TERM. */
  readonly env?: Readonly<Record<string, string>>;
  readonly term?: string;
  readonly cwd?: string;
}

/** Modes of the terminal that a program may leave behind. */
export interface TtyState {
  readonly alternate: boolean;
  readonly mouse: string;
  readonly cursorHidden: boolean;
  readonly applicationKeys: boolean;
  readonly bracketedPaste: boolean;
}

/** Longest wait for anything, in ms: a test on a busy machine must not fail for its slowness. */
const PATIENCE_MS = 15_000;

/**
 * The command that runs `command` below a shell, which says `code=N` and `end` afterwards and keeps the terminal open: when
 * a terminal's last process ends at once, its last output may be lost. After a death without a word (SIGABRT, SIGKILL, SIGSEGV) it first waits until the terminal is
 * in order again: what is written before that may go to the screen that is given back.
 */
export function belowShell(command: readonly string[], afterwards = "true"): string[] {
  const inOrder = "until stty -a | grep -qE '(^|[ ;])icanon'; do sleep 0.05; done";
  const settle = `code=$?; case $code in 134|137|139) ${inOrder};; esac`;
  return [
    "/bin/bash",
    "-c",
    `"$@"; ${settle}; echo "code=$code"; ${afterwards}; echo end; exec cat`,
    "shell",
    ...command,
  ];
}

/** A program in a terminal. Dispose it with `await using`, or call `end`. */
export class Tty implements AsyncDisposable {
  readonly emulator: InstanceType<typeof xterm.Terminal>;
  readonly process: ReturnType<typeof Bun.spawn>;
  /** Everything the program wrote. */
  readonly written: Uint8Array[] = [];
  /** Bytes that were read from the program. */
  bytes = 0;
  private unparsed = 0;
  private lastMs = performance.now();

  constructor(command: readonly string[], options: TtyOptions = {}) {
    const { cols = 120, rows = 40 } = options;
    this.emulator = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 200 });
    this.emulator.loadAddon(new Unicode11Addon());
    this.emulator.unicode.activeVersion = "11";
    // The terminal is made by spawn: only then is it the program's controlling one, to which a new size is signalled.
    this.process = Bun.spawn([...command], {
      cwd: options.cwd ?? "/",
      env: {
        HOME: "/tmp",
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        LANG: "C.UTF-8",
        TERM: options.term ?? "xterm-256color",
        ...options.env,
      },
      terminal: { cols, rows, data: (_, data) => this.take(data) },
    });
    // A real terminal answers questions (device attributes, cursor position); so does this one.
    this.emulator.onData((text: string) => this.pty().write(text));
  }

  private pty(): Bun.Terminal {
    const { terminal } = this.process;
    if (terminal === undefined) throw new Error("the program has no terminal");
    return terminal;
  }

  private take(data: Uint8Array): void {
    this.bytes += data.length;
    this.lastMs = performance.now();
    const copy = data.slice();
    this.written.push(copy);
    this.unparsed++;
    this.emulator.write(copy, () => {
      this.unparsed--;
    });
  }

  /** Types text, or sends the bytes of keys. */
  send(text: string): void {
    this.lastMs = performance.now();
    this.pty().write(text);
  }

  /** The screen as lines, without blanks at their ends. */
  lines(): string[] {
    const { active } = this.emulator.buffer;
    return Array.from(
      { length: this.emulator.rows },
      (_, y) => active.getLine(active.viewportY + y)?.translateToString(true) ?? "",
    );
  }

  /** The screen as text. */
  text(): string {
    return this.lines().join("\n");
  }

  /** Waits until the screen shows it; fails with the screen as it was. */
  async until(wanted: string | RegExp): Promise<void> {
    const seen = (text: string): boolean => (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text));
    await this.untilTrue(() => seen(this.text()), `never saw ${String(wanted)}`);
  }

  /** Waits until the screen no longer shows it. */
  async untilGone(unwanted: string): Promise<void> {
    await this.untilTrue(() => !this.text().includes(unwanted), `still saw ${unwanted}`);
  }

  /** Waits until a condition holds. */
  async untilTrue(condition: () => boolean, complaint: string): Promise<void> {
    const begin = performance.now();
    while (!condition()) {
      if (performance.now() - begin > PATIENCE_MS) throw new Error(`${complaint}\n${this.text()}`);
      await Bun.sleep(5);
    }
  }

  /** Waits until nothing was written for a while since the last input: only for showing that something does not happen. */
  async quiet(ms = 120): Promise<void> {
    await this.untilTrue(() => this.unparsed === 0 && performance.now() - this.lastMs > ms, "never quiet");
  }

  /** Makes the terminal another size. */
  resize(cols: number, rows: number): void {
    this.emulator.resize(cols, rows);
    this.pty().resize(cols, rows);
  }

  /** Waits for the program's end and for its last output; the exit code, or the signal's name if it was killed. */
  async exit(): Promise<number | string> {
    await this.process.exited;
    await this.untilTrue(() => this.unparsed === 0 && performance.now() - this.lastMs > 30, "output never ended");
    return this.process.signalCode ?? this.process.exitCode ?? "unknown";
  }

  /** The modes the program left or set. */
  state(): TtyState {
    const { modes, buffer } = this.emulator;
    // The emulator's public side does not say whether the cursor is shown.
    const core = (this.emulator as unknown as { _core: { coreService: { isCursorHidden: boolean } } })._core;
    return {
      alternate: buffer.active.type === "alternate",
      mouse: modes.mouseTrackingMode,
      cursorHidden: core.coreService.isCursorHidden,
      applicationKeys: modes.applicationCursorKeysMode,
      bracketedPaste: modes.bracketedPasteMode,
    };
  }

  /** Rows whose cell in that column is in inverse video. */
  inverseRows(column: number): number[] {
    const { active } = this.emulator.buffer;
    return Array.from({ length: this.emulator.rows }, (_, y) => y).filter(
      (y) =>
        (active
          .getLine(active.viewportY + y)
          ?.getCell(column)
          ?.isInverse() ?? 0) !== 0,
    );
  }

  /** Cells with a colour of their own. */
  colouredCells(): number {
    const { active } = this.emulator.buffer;
    let count = 0;
    for (let y = 0; y < this.emulator.rows; y++) {
      for (let x = 0; x < this.emulator.cols; x++) {
        const cell = active.getLine(active.viewportY + y)?.getCell(x);
        if (cell !== undefined && !(cell.isFgDefault() && cell.isBgDefault())) count++;
      }
    }
    return count;
  }

  /** A picture of the screen. */
  svg(): string {
    return svgOf(this.emulator);
  }

  /** Kills the program if it still runs and closes the terminal. */
  async end(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGKILL");
    await this.process.exited;
    this.pty().close();
    this.emulator.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
