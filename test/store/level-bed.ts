// A durable store for the damage tests: made, filled, closed, damaged by hand, opened again.
import { expect } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoggedChange } from "../../src/core/change.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Store, StoreContents } from "../../src/manager/ports.ts";
import { openLevelStore } from "../../src/store/level.ts";
import { mustCommit, mustLoad } from "../contract/store.ts";
import { SAMPLE_MS, taskPut } from "./sample.ts";

/** A data directory with a store, removed at the end together with what has it open. */
export class LevelBed implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "cube-level-"));
  readonly #stores: Store[] = [];

  /** LevelDB's own directory. */
  get database(): string {
    return join(this.directory, "store");
  }

  open(acceptLoss = false): Store {
    const store = openLevelStore({ directory: this.directory, nowMs: () => SAMPLE_MS, acceptLoss });
    this.#stores.push(store);
    return store;
  }

  /** Commits one put of a task after another, closes, and gives back what was committed. */
  async fill(count: number, tasks = count): Promise<LoggedChange[]> {
    const store = this.open();
    const { revision } = await mustLoad(store);
    const changes: LoggedChange[] = [];
    for (let at = revision; at < revision + count; at += 1) {
      const put = taskPut(at, `task-${at % tasks}`);
      await mustCommit(store, put);
      changes.push(...put);
    }
    await store.close();
    return changes;
  }

  /** Loads in a new store and closes it again. */
  async contents(acceptLoss = false): Promise<StoreContents> {
    const store = this.open(acceptLoss);
    const contents = await mustLoad(store);
    await store.close();
    return contents;
  }

  /** The failure of loading in a new store. */
  async failure(): Promise<Failure> {
    const loaded = await this.open().load();
    expect(loaded.ok).toBe(false);
    return loaded.ok ? { kind: "invalid", message: "it loaded" } : loaded.failure;
  }

  /** The newest file of the database whose name matches. */
  file(pattern: RegExp): string {
    const name = readdirSync(this.database)
      .filter((candidate) => pattern.test(candidate))
      .sort()
      .at(-1);
    if (name === undefined) throw new Error(`no ${pattern} in ${readdirSync(this.database).join(" ")}`);
    return join(this.database, name);
  }

  /** Directories that a repair kept. */
  kept(): string[] {
    return readdirSync(this.directory).filter((name) => name.startsWith("store.damaged-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts store-writer.ts on a directory; `line` gives its output line by line. */
export function startWriter(directory: string, mode: "once" | "hold" | "write") {
  const script = fileURLToPath(import.meta.resolve("./store-writer.ts"));
  const child = Bun.spawn([process.execPath, script, directory, mode], { stdout: "pipe", stderr: "inherit" });
  const lines = linesOf(child.stdout);
  return {
    pid: child.pid,
    line: async (): Promise<string> => (await lines.next()).value ?? "",
    kill: async (): Promise<void> => {
      child.kill("SIGKILL");
      await child.exited;
    },
    /** What it wrote and had not been read, after a kill. */
    rest: async (): Promise<string[]> => Array.fromAsync(lines),
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
