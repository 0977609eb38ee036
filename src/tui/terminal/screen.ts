/**
 * Makes a blessed screen that behaves: embedded terminfo, Unicode borders, our own output and a silent input. The only file besides the charts that knows
 * blessed. A terminal that cannot carry a full-screen UI is an error value, not a mess.
 */
import blessed from "blessed";
import { In } from "./in.ts";
import { Out, openTerminal } from "./out.ts";
import { embedTerminfo } from "./terminfo.ts";

/** The variables of the environment that say what the terminal can do. */
export type TerminalEnv = Readonly<Record<string, string | undefined>>;

/** Why there can be no full-screen UI here, with one line of advice. */
export interface UnusableTerminal {
  readonly kind: "unusable-terminal";
  readonly message: string;
}

/** What the terminal can show. */
export interface Abilities {
  readonly colour: boolean;
  /** False for LANG=C and other character sets: lines and bars are drawn in ASCII. */
  readonly unicode: boolean;
}

/** A pane on the screen: a blessed box that is given ready-made lines. */
export type Pane = {
  top: number;
  left: number;
  width: number;
  height: number;
  hidden: boolean;
  setContent(text: string, noClear: boolean): void;
  setIndex(index: number): void;
  setFront(): void;
  show(): void;
  hide(): void;
};

/** The parts of a blessed screen that are used here; the published types lack half of them. */
export type BlessedScreen = {
  append(node: unknown): void;
  render(): void;
  destroy(): void;
  enter(): void;
  leave(): void;
  alloc(dirty?: boolean): void;
  on(event: string, listener: () => void): void;
  destroyed?: boolean;
  lines: [number, string][][];
  tput: { unicode: boolean; brokenACS: boolean };
  program: { setMouse(options: object, on: boolean): void; hideCursor(): void; showCursor(): void };
};

/** The terminal as the UI holds it. */
export type Terminal = {
  readonly screen: BlessedScreen;
  readonly out: Out;
  readonly input: In;
  readonly abilities: Abilities;
  readonly box: () => Pane;
};

const ADVICE = "use `cube --headless all` for the manager without a screen, or `cube status` for a list";

/** Tells why the full-screen UI cannot run here, or undefined if it can. Pure. */
export function unusable(env: TerminalEnv, streams: { stdin: boolean; stdout: boolean }): UnusableTerminal | undefined {
  const term = env.TERM ?? "";
  const why = !streams.stdin
    ? "standard input is not a terminal"
    : !streams.stdout
      ? "standard output is not a terminal"
      : term === "" || term === "dumb"
        ? `TERM=${term || '""'} cannot place text on the screen`
        : undefined;
  return why === undefined ? undefined : { kind: "unusable-terminal", message: `${why}; ${ADVICE}` };
}

/** Reads NO_COLOR (https://no-color.org) and the locale. Pure. */
export function abilities(env: TerminalEnv): Abilities {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return { colour: (env.NO_COLOR ?? "") === "", unicode: locale === "" || /utf-?8/i.test(locale) };
}

type ScreenOptions = {
  env: TerminalEnv;
  stdin: ConstructorParameters<typeof In>[0];
  stdout: ConstructorParameters<typeof Out>[0]["stream"];
  /** Descriptor for writing without blocking; by default the process's own terminal, opened again. */
  fd?: number | undefined;
  abilities: Abilities;
};

/** Takes the terminal: alternate screen, hidden cursor, raw input. The caller has a guard in place already. */
export function openScreen(options: ScreenOptions): Terminal {
  embedTerminfo();
  const fd = "fd" in options ? options.fd : openTerminal();
  const out = new Out({
    stream: options.stdout,
    fd,
    monochrome: !options.abilities.colour,
    // The Linux console shows the marks of a synchronised update as text.
    synchronised: options.env.TERM !== "linux",
  });
  const input = new In(options.stdin);
  const screen = blessed.screen({
    output: out as never,
    input: input.silent() as never,
    terminal: options.env.TERM as string,
    smartCSR: true,
    fullUnicode: true,
    forceUnicode: options.abilities.unicode,
    resizeTimeout: 50,
    title: "cube",
    warnings: false,
  } as never) as unknown as BlessedScreen;
  // Borders as Unicode characters instead of the alternate character set: nothing turns into `q` and `x` when a byte is lost.
  if (screen.tput.unicode) screen.tput.brokenACS = true;
  input.start();
  return { screen, out, input, abilities: options.abilities, box: () => makeBox(screen) };
}

function makeBox(screen: BlessedScreen): Pane {
  const box = blessed.box({ top: 0, left: 0, width: 1, height: 1, tags: false, wrap: false } as never);
  screen.append(box);
  return box as unknown as Pane;
}
