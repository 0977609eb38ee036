/**
 * The manager in the background: a detached `cube --headless all` on the same data directory, with the same flags but those of the screen. It is started first;
 * the store is handed to it once it waits for it, and the workers' links are ended only when it takes new ones: a worker is without a manager for one dial.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Config } from "../config/config.ts";
import { wordsOf } from "../core/failure.ts";
import type { Stack } from "./stack.ts";
import { STORE_IS_FREE, SUCCEEDS, SUCCESSOR_SPEAKS_ON, type SuccessorWord } from "./succession.ts";

/** How long a manager may take for each step of coming up, in milliseconds: a large store is read whole. */
const STEP_LIMIT_MS = 30_000;

/** Hands a manager's data directory and its nodes to a process in the background; the stack is closed either way. Gives its id, or why it did not come up. */
export async function goToBackground(
  config: Config,
  stack: Stack,
): Promise<{ readonly pid: number } | { readonly problem: string }> {
  await using handing = new AsyncDisposableStack();
  handing.defer(() => stack.close());
  const successor = startSuccessor(config);
  const waits = await successor.says("waiting");
  if (waits !== "") return { problem: waits };
  await stack.release();
  successor.storeIsFree();
  const listens = await successor.says("listening");
  if (listens !== "") return { problem: listens };
  await stack.close();
  return { pid: successor.letGo() };
}

interface Successor {
  /** "" once it has said so, or why it never will. */
  says(word: SuccessorWord): Promise<string>;
  storeIsFree(): void;
  /** The links are free; nothing is heard of it any more. Gives its process id. */
  letGo(): number;
}

function startSuccessor(config: Config): Successor {
  const log = openOutput(config.log.file);
  const child = spawn(process.execPath, [...programArguments(), "--headless", "all"], {
    detached: true,
    stdio: ["pipe", log, log, "pipe"],
    env: { ...process.env, [SUCCEEDS]: String(process.pid) },
  });
  if (log !== "ignore") closeSync(log);
  // There are no pipes to a process that could not be started.
  const voice = child.stdio[SUCCESSOR_SPEAKS_ON] as Readable | null | undefined;
  const ended = endOf(child);
  let heard = "";
  const words = { next: Promise.withResolvers<void>() };
  voice?.on("data", (data) => {
    heard += String(data);
    words.next.resolve();
    words.next = Promise.withResolvers<void>();
  });
  child.stdin?.on("error", () => undefined);
  voice?.on("error", () => undefined);
  return {
    says: async (word) => {
      const late = Promise.withResolvers<string>();
      const timer = setTimeout(() => late.resolve("it does not answer"), STEP_LIMIT_MS);
      try {
        while (!heard.includes(`${word}\n`)) {
          const over = await Promise.race([words.next.promise, ended, late.promise]);
          if (typeof over === "string") return over;
        }
        return "";
      } finally {
        clearTimeout(timer);
      }
    },
    storeIsFree: () => void child.stdin?.write(`${STORE_IS_FREE}\n`),
    letGo: () => {
      child.stdin?.end();
      voice?.destroy();
      child.unref();
      return child.pid ?? 0;
    },
  };
}

/** Where the successor's last words go. One that keeps no log may come up all the same. */
function openOutput(file: string): number | "ignore" {
  try {
    return openSync(file, "a", 0o600);
  } catch {
    return "ignore";
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  try {
    const [code] = await once(child, "exit");
    return `it ended with code ${code}`;
  } catch (error) {
    return wordsOf(error);
  }
}

/** What was said on the command line; run from source, the program's file comes first. */
function programArguments(): string[] {
  const [, program = "", ...given] = process.argv;
  // An adoption is asked for once, and the screen stays here.
  const kept = given.filter((word) => word !== "--adopt" && word !== "--read-only");
  return program.startsWith("/$bunfs/") ? kept : [program, ...kept];
}
