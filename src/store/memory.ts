/**
 * The store without a disk: the same rows in a Map, behind the same loading, digest and log as the durable one.
 * For tests and for clusters that need not outlive their process. Two stores over one Map are two owners; the newer one fences the older.
 */
import { fail, ok, type Result } from "../core/failure.ts";
import type { CommitOutcome, Store } from "../manager/ports.ts";
import { decodeHead } from "./head.ts";
import { HEAD_KEY } from "./keys.ts";
import { RowStore, type RowStoreOptions } from "./row-store.ts";
import type { Engine, RowOperation, RowRange, Rows } from "./rows-port.ts";

/** How to make a store in memory. */
export interface MemoryStoreOptions extends RowStoreOptions {
  /** The "disk": rows by key. Give the same Map to a second store to open what the first one left. Default: a new one. */
  readonly rows?: Map<string, string>;
}

/** A Store that forgets everything with its Map. */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  return new RowStore(memoryEngine(options.rows ?? new Map()), options);
}

function memoryEngine(disk: Map<string, string>): Engine {
  return {
    name: "memory",
    open: async () => ok(new MemoryRows(disk)),
    repair: async (damage): Promise<Result<Rows>> => fail("invalid", damage),
  };
}

class MemoryRows implements Rows {
  readonly fresh: boolean;
  readonly lineage = "";
  readonly notice = "";
  readonly #disk: Map<string, string>;
  /** The term that these rows were claimed with; a higher one on "disk" is another owner's. */
  #term = 0;

  constructor(disk: Map<string, string>) {
    this.#disk = disk;
    this.fresh = disk.size === 0;
  }

  acked(): number {
    return 0;
  }

  noteAcked(): void {}

  async getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return keys.map((key) => this.#disk.get(key));
  }

  async *scan({ gte, lt, limit = Number.POSITIVE_INFINITY }: RowRange) {
    const keys = [...this.#disk.keys()].filter((key) => key >= gte && key < lt).sort();
    yield keys.slice(0, limit).map((key): readonly [string, string] => [key, this.#disk.get(key) ?? ""]);
  }

  async write(operations: readonly RowOperation[]): Promise<CommitOutcome> {
    const stored = this.#disk.get(HEAD_KEY);
    const owner = (stored === undefined ? null : decodeHead(stored))?.term ?? 0;
    if (this.#term !== 0 && owner > this.#term) return { kind: "fenced", reason: `term ${owner} owns this store` };
    for (const operation of operations) {
      if (operation.type === "put") this.#disk.set(operation.key, operation.value);
      else this.#disk.delete(operation.key);
    }
    this.#term = decodeHead(this.#disk.get(HEAD_KEY) ?? "")?.term ?? 0;
    return { kind: "committed" };
  }

  async noteLineage(): Promise<void> {}

  async close(): Promise<void> {}
}
