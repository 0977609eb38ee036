/** The manager in the background: a detached `cube --headless all` on the same data directory, with the same flags. */
import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { createHttpClient } from "../client/http-client.ts";
import type { Config } from "../config/config.ts";

/** How long a manager may take to come up, in milliseconds: a large store is read whole. */
const START_LIMIT_MS = 30_000;
const POLL_MS = 50;

/** Starts it and waits until it answers. Gives its process id, or why it did not come up. */
export async function startInBackground(
  config: Config,
): Promise<{ readonly pid: number } | { readonly problem: string }> {
  const log = openSync(config.log.file, "a", 0o600);
  const child = spawn(process.execPath, [...programArguments(), "--headless", "all"], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  let exited: number | null | undefined;
  child.once("exit", (code) => (exited = code));
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadlineMs && exited === undefined) {
    if (await answers(config.socket)) {
      child.unref();
      return { pid: child.pid ?? 0 };
    }
    await Bun.sleep(POLL_MS);
  }
  return { problem: exited === undefined ? "it does not answer" : `it ended with code ${exited}` };
}

/** True when a manager answers on the socket. */
async function answers(socket: string): Promise<boolean> {
  const client = createHttpClient({ target: { kind: "unix", path: socket } });
  try {
    await client.manager();
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

/** What was said on the command line; run from source, the program's file comes first. */
function programArguments(): string[] {
  const [, program = "", ...given] = process.argv;
  // An adoption is asked for once; the next start is an ordinary one.
  const kept = given.filter((word) => word !== "--adopt");
  return program.startsWith("/$bunfs/") ? kept : [program, ...kept];
}
