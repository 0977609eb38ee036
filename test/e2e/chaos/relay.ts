// The test's hand on a cable: a process of its own in a machine's namespace, between the manager and a node.
import { join } from "node:path";
import type { Machine } from "../namespaces.ts";

const PROGRAM = join(import.meta.dir, "programs/relay.ts");

/** A relay that runs. */
export class Relay implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#child = child;
  }

  /** One that listens at HOST:PORT in a machine's namespace, and passes all on to another HOST:PORT. */
  static async start(on: Pick<Machine, "enter">, listen: string, to: string): Promise<Relay> {
    const ways = [...listen.split(":"), ...to.split(":")];
    const child = Bun.spawn([...on.enter, process.execPath, PROGRAM, ...ways], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await child.stdout.getReader().read();
    return new Relay(child);
  }

  /** "delay LEAST-MS MEAN-MS", "stall" or "flow". */
  say(word: string): void {
    this.#child.stdin.write(`${word}\n`);
    this.#child.stdin.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
