// Surroundings of a command for tests: streams that keep what was written, keys that a test presses, roles that only say who they are.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliIo, Ended, type Input, type Output } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import type { Config } from "../../src/config/config.ts";
import type { Target } from "../../src/core/target.ts";
import { whatIf } from "../../src/sim/what-if.ts";
import { FakeClient, NOW_MS } from "./fake-client.ts";

/** What a command left behind. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class FakeOutput implements Output {
  text = "";
  async ready(): Promise<void> {}
  isTTY = false;
  columns = 80;
  rows = 24;
  write(data: string | Uint8Array): void {
    this.text += typeof data === "string" ? data : new TextDecoder().decode(data);
  }
}

class FakeInput implements Input {
  isTTY = false;
  /** Every change of the terminal's mode. */
  readonly modes: boolean[] = [];
  text = "";
  #handlers: Parameters<Input["open"]>[0] | null = null;

  setRawMode(on: boolean): void {
    this.modes.push(on);
  }

  async readAll(): Promise<string> {
    return this.text;
  }

  open(handlers: Parameters<Input["open"]>[0]): Disposable {
    this.#handlers = handlers;
    return {
      [Symbol.dispose]: () => {
        this.#handlers = null;
      },
    };
  }

  get isOpen(): boolean {
    return this.#handlers !== null;
  }

  /** Gives what the reader says of it. */
  type(text: string): Promise<void> | undefined {
    return this.#handlers?.onData(new TextEncoder().encode(text));
  }

  end(): void {
    this.#handlers?.onEnd();
  }
}

/** A home of its own, streams, a fake cluster, and a way to run a command line in them. */
export class FakeShell implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), "cube-cli-"));
  readonly client = new FakeClient();
  readonly stdin = new FakeInput();
  readonly stdout = new FakeOutput();
  readonly stderr = new FakeOutput();
  readonly env: Record<string, string | undefined> = {};
  /** Targets that were connected to. */
  readonly targets: Target[] = [];
  /** Roles that were entered. */
  readonly roles: string[] = [];
  /** What the newest of them was given. */
  config: Config | null = null;
  /** How often a process is still seen alive. */
  looksAtLife = 0;
  /** Time that passes with each of these looks. */
  msPerLook = 0;
  #passedMs = 0;
  #end = new AbortController();
  #resized: (() => void) | null = null;

  /** Runs one command line to its end. */
  async run(...argv: string[]): Promise<Outcome> {
    this.stdout.text = "";
    this.stderr.text = "";
    const code = await runCli(argv, {
      io: this.#io(),
      connect: async (target) => {
        this.targets.push(target);
        return this.client;
      },
      whatIf: async (question) => whatIf(question),
      roles: {
        ui: async (config) => this.#role("ui", config),
        attach: async (config) => {
          const { target } = config;
          return this.#role(`attach ${target.kind === "unix" ? target.path : target.host}`, config);
        },
        headless: async (config, which) => this.#role(`headless ${which}`, config),
        demo: async ({ nodes, seed, speed }) => this.#role(`demo ${nodes} ${seed} ${speed}`),
      },
    });
    return { code, out: this.stdout.text, err: this.stderr.text };
  }

  /** Ends the running command from outside, as a signal (130) or a closed pipe (0) does. */
  interrupt(code: number): void {
    this.#end.abort(new Ended(code));
    this.#end = new AbortController();
  }

  resize(columns: number, rows: number): void {
    this.stdout.columns = columns;
    this.stdout.rows = rows;
    this.#resized?.();
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }

  #io(): CliIo {
    return {
      env: this.env,
      home: this.home,
      cwd: this.home,
      stdin: this.stdin,
      stdout: this.stdout,
      stderr: this.stderr,
      nowMs: () => NOW_MS + this.#passedMs,
      lives: () => {
        this.#passedMs += this.msPerLook;
        return this.looksAtLife-- > 0;
      },
      watchForEnd: () => ({ signal: this.#end.signal, [Symbol.dispose]() {} }),
      onResize: (listener) => {
        this.#resized = listener;
        return {
          [Symbol.dispose]: () => {
            this.#resized = null;
          },
        };
      },
      flush: async () => {},
    };
  }

  #role(name: string, config: Config | null = null): number {
    this.roles.push(name);
    this.config = config;
    return 0;
  }
}

/** Resolves once a condition holds; a test never waits for a time. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
