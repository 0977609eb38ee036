/**
 * What the simulated tasks of the demo write: nothing of them runs, so their lines are made from their names, their seeds and the clock, and the first one says
 * so. Pure: the same task has written the same lines whenever it is asked.
 */
import { hashText } from "./random.ts";
import type { Container } from "./trace.ts";

/** Stands first in every output, so that nobody takes it for a real one. */
export const SIMULATED = "simulated output: nothing of this task really runs";

/** One line, at a moment of the run. */
export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly atMs: number;
  readonly text: string;
}

/** How a kind of program writes. */
interface Voice {
  readonly begins: string;
  /** Mean time between two lines, in ms. */
  readonly everyMs: number;
  readonly line: (draw: (choices: number) => number, number: number) => string;
}

const PATHS = [
  "/",
  "/cart",
  "/products/1041",
  "/products/77",
  "/search?q=tent",
  "/static/app.css",
  "/login",
  "/health",
];
const CODES = [200, 200, 200, 200, 200, 304, 304, 404, 500];

const WEB: Voice = {
  begins: "listening on :8080",
  everyMs: 900,
  line: (draw) => `GET ${PATHS[draw(PATHS.length)]} ${CODES[draw(CODES.length)]} ${2 + draw(90)}ms`,
};

const WORK: Voice = {
  begins: "waiting for work",
  everyMs: 1_700,
  line: (draw, number) =>
    draw(23) === 0
      ? `job ${1_000 + number} failed: timeout, put back`
      : `job ${1_000 + number} done in ${40 + draw(900)}ms`,
};

const STORE: Voice = {
  begins: "ready to accept connections",
  everyMs: 6_000,
  line: (draw) =>
    draw(3) === 0
      ? `slow statement: ${200 + draw(2_000)}ms`
      : `checkpoint complete: wrote ${20 + draw(400)} buffers, ${1 + draw(9)}.${draw(10)}s`,
};

const AGENT: Voice = {
  begins: "started",
  everyMs: 10_000,
  line: (draw) => `sent ${100 + draw(900)} samples, ${draw(3)} dropped`,
};

const BATCH: Voice = {
  begins: "reading orders of yesterday",
  everyMs: 2_500,
  line: (draw, number) => `page ${number}: ${200 + draw(600)} rows`,
};

const VOICES: readonly (readonly [RegExp, Voice])[] = [
  [/caddy|web|api|checkout/, WEB],
  [/worker|thumbs|mailer|importer/, WORK],
  [/postgres|redis|redpanda|opensearch/, STORE],
  [/report/, BATCH],
];

/**
 * What a container has written after `afterMs` and up to `untilMs` of the run, oldest first; with `most`, the newest of that only. A container that has ended
 * wrote nothing afterwards.
 */
export function outputOf(
  one: Container,
  span: { readonly afterMs: number; readonly untilMs: number; readonly most: number },
): OutputLine[] {
  if (one.status === "created") return [];
  const voice = VOICES.find(([pattern]) => pattern.test(one.spec.image))?.[1] ?? AGENT;
  const { startedMs } = one;
  const endMs = one.status === "exited" ? Math.min(one.finishedMs, span.untilMs) : span.untilMs;
  const last = Math.floor((endMs - startedMs) / voice.everyMs);
  const first = Math.max(1, Math.floor((span.afterMs - startedMs) / voice.everyMs), last - span.most);
  const lines: OutputLine[] = [{ stream: "stdout", atMs: startedMs, text: `${one.service}: ${voice.begins}` }];
  for (let number = first; number <= last; number++) lines.push(lineAt(one, voice, number));
  if (one.status === "exited" && one.finishedMs <= span.untilMs) lines.push(lastWord(one));
  return lines.filter(({ atMs }) => atMs > span.afterMs && atMs <= span.untilMs).slice(-span.most);
}

function lineAt(one: Container, voice: Voice, number: number): OutputLine {
  let seed = hashText(`${one.instanceId} ${number}`);
  const draw = (choices: number): number => {
    seed = hashText("draw", seed);
    return seed % choices;
  };
  const text = voice.line(draw, number);
  // Somewhere in its time, so that lines do not come like a clock's ticks, and always in order.
  const atMs = one.startedMs + number * voice.everyMs - draw(Math.floor(voice.everyMs / 2));
  return { stream: /failed| 500 /.test(text) ? "stderr" : "stdout", atMs, text };
}

function lastWord(one: Container): OutputLine {
  const { exitCode, oomKilled, finishedMs } = one;
  const text =
    exitCode === 0 ? "done" : oomKilled ? "out of memory" : (WORDS[exitCode ?? -1] ?? `fatal: exit ${exitCode}`);
  return { stream: exitCode === 0 || exitCode === 143 ? "stdout" : "stderr", atMs: finishedMs, text };
}

const WORDS: Readonly<Record<number, string>> = {
  1: "fatal: connection reset by peer",
  137: "killed",
  143: "SIGTERM: shutting down",
};
