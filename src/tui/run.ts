/**
 * The host of the UI: it opens the terminal, feeds keys and the cluster's changes to the machine in model.ts, performs the effects through the ClusterClient
 * and turns their outcomes into new messages. It decides nothing. It must never let an error out of the loop onto the screen, nor wait for the terminal.
 */
import type { ClusterClient } from "../client/cluster-client.ts";
import { wordsOf } from "../core/failure.ts";
import type { Demo } from "./demo.ts";
import { Effects } from "./effects.ts";
import { Feed } from "./feed.ts";
import { update } from "./model.ts";
import { Painter } from "./painter.ts";
import { begin, type Effect, type Message, type Model, type Seen } from "./state/ui.ts";
import { Guard, type SignalName } from "./terminal/guard.ts";
import { abilities, openScreen, type Terminal, type UnusableTerminal, unusable } from "./terminal/screen.ts";
import { captureStray } from "./terminal/stderr.ts";
import type { ThemeName } from "./theme.ts";
import { compose } from "./views/compose.ts";

/** How often ages are looked at again, in ms; a frame is drawn only if one of them changed. */
const TICK_MS = 1000;

/** Alternate screen, hidden cursor, keypad: what another program may have undone. */
const TAKE_AGAIN = "\x1b[?1049h\x1b[?25l\x1b[?1h\x1b=";

/** What the UI is given. */
export interface UiOptions {
  readonly client: ClusterClient;
  /** Whether the manager runs in this very process. */
  readonly mode: "in-process" | "attached";
  /** Where everything goes that would otherwise land on the screen: console, stray output, native stderr. */
  readonly logFile: string;
  /** True to leave out every key that changes something. */
  readonly readOnly?: boolean;
  /** Where saved screens and logs go; the current directory by default. */
  readonly saveDir?: string;
  readonly theme?: ThemeName;
  /** What was seen of clusters the last time, by cluster id: what happened since is summed up. */
  readonly seen?: ReadonlyMap<string, Seen>;
  /** For a simulated cluster: its keys, and its time. */
  readonly demo?: Demo;
  /** Wall clock in ms since 1970; for tests. */
  readonly now?: () => number;
  /** Ends the UI from outside, as when the manager in this process is asked to end by its API; it then ends as by `Q`. */
  readonly ended?: Promise<void>;
  /** Called once, when the UI has ended and the terminal is the user's again, before the promise resolves. */
  readonly onQuit?: (end: UiEnd) => void;
}

/** How the UI ended: `leave` lets the manager go on, `stop` ends it. A signal carries the exit code that its sender expects. */
export interface UiEnd {
  readonly kind: "ended";
  readonly quit: "leave" | "stop";
  readonly signal?: SignalName;
  readonly exitCode: number;
  /** What was seen of the cluster; undefined when it was never reached. */
  readonly seen: { readonly clusterId: string; readonly last: Seen } | undefined;
  /** True when the terminal has stopped reading: a farewell written to it would wait for it, perhaps for ever. */
  readonly stalled: boolean;
}

/** Runs the UI until it is left. Answers with an error value, and touches nothing, if this terminal cannot carry it. */
export async function runUi(options: UiOptions): Promise<UiEnd | UnusableTerminal> {
  const problem = unusable(process.env, { stdin: process.stdin.isTTY === true, stdout: process.stdout.isTTY === true });
  if (problem !== undefined) return problem;
  const host = openHost(options);
  if (!(host instanceof Host)) return host;
  const end = await host.run();
  options.onQuit?.(end);
  return end;
}

/** The host with the terminal in hand, or why it could not be had. */
function openHost(options: UiOptions): Host | UnusableTerminal {
  try {
    return new Host(options);
  } catch (error) {
    const why = wordsOf(error);
    return { kind: "unusable-terminal", message: `the terminal cannot be used: ${why}` };
  }
}

/** A closed window leaves, everything else that ends a process stops it. */
const quitOf = (signal: SignalName): "leave" | "stop" => (signal === "SIGHUP" ? "leave" : "stop");

class Host {
  #model: Model;
  readonly #now: () => number;
  readonly #demo: Demo | undefined;
  readonly #outside: Promise<void> | undefined;
  #over = false;
  readonly #terminal: Terminal;
  readonly #guard: Guard;
  readonly #painter: Painter;
  readonly #effects: Effects;
  readonly #feed: Feed;
  readonly #ticker: ReturnType<typeof setInterval>;
  #finish: (end: UiEnd) => void = () => undefined;
  readonly #ended = new Promise<UiEnd>((resolve) => {
    this.#finish = resolve;
  });

  constructor(options: UiOptions) {
    this.#now = options.now ?? Date.now;
    this.#demo = options.demo;
    this.#outside = options.ended;
    this.#guard = new Guard({
      watchdog: process.env.CUBE_NO_WATCHDOG !== "1",
      onContinue: () => this.#takeTerminalAgain(),
      onSignal: (signal, exitCode) => this.#end({ kind: "ended", quit: quitOf(signal), signal, exitCode }),
    });
    const stdout = ownStdout();
    const release = captureStray({ logFile: options.logFile, stderrIsTerminal: Boolean(process.stderr.isTTY) });
    const can = abilities(process.env);
    try {
      this.#terminal = openScreen({ env: process.env, stdin: process.stdin, stdout, abilities: can });
    } catch (error) {
      release();
      this.#guard.dispose();
      throw error;
    }
    this.#guard.watch(guarded(this.#terminal, release));
    this.#model = begin({
      cols: this.#terminal.out.columns,
      rows: this.#terminal.out.rows,
      nowMs: this.#now(),
      zoneMs: (this.#demo?.laterMs ?? 0) - new Date().getTimezoneOffset() * 60_000,
      mode: options.mode,
      readOnly: options.readOnly ?? false,
      unicode: can.unicode,
      theme: can.colour ? (options.theme ?? "dark") : "mono",
      ...(options.seen && { seen: options.seen }),
      demo: this.#demo?.state(),
    });
    const post = (message: Message): void => this.#take(message);
    this.#painter = new Painter(this.#terminal, () => ({ frame: compose(this.#model), theme: this.#model.theme }));
    this.#effects = new Effects({
      client: options.client,
      ...(options.demo && { demo: options.demo }),
      terminal: this.#terminal,
      painter: this.#painter,
      saveDir: options.saveDir ?? process.cwd(),
      post,
      quit: (quit) => this.#end({ kind: "ended", quit, exitCode: 0 }),
    });
    this.#feed = new Feed(options.client, post);
    this.#ticker = setInterval(() => this.#take({ kind: "tick" }), TICK_MS);
  }

  async run(): Promise<UiEnd> {
    const { input, out, screen } = this.#terminal;
    input.on("key", (key) => this.#take({ kind: "key", key }));
    input.on("mouse", (mouse) => this.#take({ kind: "mouse", mouse }));
    // Whoever closed the terminal left; the manager goes on, as after SIGHUP.
    input.on("gone", () => this.#end({ kind: "ended", quit: "leave", exitCode: 129 }));
    input.on("paste", (text) => this.#take({ kind: "paste", text }));
    // blessed lays its own screen out first; both listen to the same event of the output, ours after a pause.
    screen.on("resize", () => this.#take({ kind: "resize", cols: out.columns, rows: out.rows }));
    this.#effects.modes(true);
    this.#painter.paint(true);
    this.#feed.start();
    void this.#outside?.then(() => this.#end({ kind: "ended", quit: "stop", exitCode: 0 }));
    return this.#ended;
  }

  #take(message: Message): void {
    const before = this.#demo === undefined ? this.#model : { ...this.#model, demo: this.#demo.state() };
    const { model, effects } = update(before, message, this.#now());
    this.#model = model;
    this.#painter.paint(message.kind === "key" || message.kind === "mouse" || message.kind === "resize");
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    this.#effects.perform(effect);
  }

  /** After a stop the terminal is whoever's was in the foreground meanwhile: every mode is set again. */
  #takeTerminalAgain(): void {
    const { input, out } = this.#terminal;
    input.stop();
    input.start();
    // Not by blessed's leave and enter: its leave clears the screen it finds, which may be the user's own by now.
    out.raw(TAKE_AGAIN);
    this.#effects.modes(true);
    this.#painter.repaint();
  }

  #end(end: Omit<UiEnd, "stalled" | "seen">): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#ticker);
    this.#painter.stop();
    this.#feed.stop();
    this.#effects.stop();
    // After a signal the guard stays: a second one must still end the process at once.
    if (end.signal === undefined) this.#guard.dispose();
    else this.#guard.restore();
    this.#finish({ ...end, seen: seenOf(this.#model), stalled: this.#guard.stalled });
  }
}

function seenOf({ live, nowMs }: Model): UiEnd["seen"] {
  if (live.manager === undefined) return undefined;
  return { clusterId: live.manager.clusterId, last: { revision: live.revision, atMs: nowMs } };
}

/** The process's stdout with its own `write`: stray writes to the other one are about to go into the log file. */
function ownStdout() {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  return {
    getWindowSize: () => stdout.getWindowSize(),
    on: (event: "resize", listener: () => void) => stdout.on(event, listener),
    off: (event: "resize", listener: () => void) => stdout.off(event, listener),
    write: (text: string) => write(text),
  };
}

function guarded(terminal: Terminal, release: () => void) {
  const { screen, out, input } = terminal;
  return {
    destroy: () => {
      out.hold();
      if (screen.destroyed !== true) screen.destroy();
    },
    stopInput: () => input.stop(),
    lastWords: (text: string) => out.lastWords(text),
    afterwards: release,
  };
}
