/**
 * A manager's side of being started to take over from another process: what it says to its predecessor and hears from it, over two pipes. It must never be what
 * keeps a manager from coming up: a predecessor that is gone has let go of everything.
 */
import { closeSync, writeSync } from "node:fs";

/** The variable by which a process is told whom it succeeds: the process id of its parent. */
export const SUCCEEDS = "CUBE_SUCCEEDS_PID";

/** The descriptor on which a successor speaks; it hears on its standard input. */
export const SUCCESSOR_SPEAKS_ON = 3;

/** What the successor says, in this order: it is loaded and waits for the store; it has the store and takes links. */
export type SuccessorWord = "waiting" | "listening";

/** What it hears: the store is free. The links are free when the input ends. */
export const STORE_IS_FREE = "store";

/** The predecessor, as its successor sees it. Each step is to be taken once, in order. */
export interface Succession {
  /** Says that this process is ready, and waits until the store is free. */
  storeIsFree(): Promise<void>;
  /** Says that links are taken from now on, and waits until the workers' links to the predecessor are ended. */
  linksAreFree(): Promise<void>;
}

/** null for a process that succeeds nobody. A variable that was inherited from further up means nothing. */
export function openSuccession(): Succession | null {
  const from = process.env[SUCCEEDS];
  delete process.env[SUCCEEDS];
  if (from === undefined || from !== String(process.ppid)) return null;
  const free = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const end = (): void => {
    free.resolve();
    ended.resolve();
  };
  let heard = "";
  process.stdin.on("data", (data) => {
    heard += String(data);
    if (heard.includes(STORE_IS_FREE)) free.resolve();
  });
  for (const over of ["end", "close", "error"]) process.stdin.on(over, end);
  return {
    storeIsFree: async () => {
      say("waiting");
      await free.promise;
    },
    linksAreFree: async () => {
      say("listening");
      closeSync(SUCCESSOR_SPEAKS_ON);
      await ended.promise;
    },
  };
}

function say(word: SuccessorWord): void {
  try {
    writeSync(SUCCESSOR_SPEAKS_ON, `${word}\n`);
  } catch {
    // The predecessor is gone; then its input ends too.
  }
}
