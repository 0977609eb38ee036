// Real processes of Cube on loopback, each with a data directory and a home of a test's own, from the source. Only their own ids are ended.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tty } from "../terminal/tty.ts";

const MAIN = join(import.meta.dir, "..", "..", "src", "main.ts");

/** What a command gave. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A user's machine: all that is started on it ends with it. */
export class Machine implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), "cube-roles-"));
  readonly #running = new Map<string, ReturnType<Machine["start"]>>();

  /** Where a process of that name keeps its data. */
  dataOf(name: string): string {
    return join(this.home, name);
  }

  /** Starts one that stays; `name` is also its data directory's. */
  start(name: string, ...args: string[]) {
    const child = Bun.spawn([process.execPath, MAIN, ...args, "--data-dir", this.dataOf(name)], {
      cwd: this.home,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.set(name, child);
    return child;
  }

  /** Ends one by a signal, and waits for its end. */
  async end(name: string, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#running.get(name);
    this.#running.delete(name);
    child?.kill(signal);
    await child?.exited;
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Outcome> {
    const child = Bun.spawn([process.execPath, MAIN, ...args], {
      cwd: this.home,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, out, err };
  }

  /** The UI, in a terminal. */
  screen(...args: string[]): Tty {
    return new Tty([process.execPath, MAIN, ...args], { cwd: this.home, env: this.#env });
  }

  get #env(): Record<string, string> {
    return { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: this.home, LANG: "C.UTF-8" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.end(name);
    rmSync(this.home, { recursive: true, force: true });
  }
}
