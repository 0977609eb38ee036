/**
 * The Store port over any engine of rows: loading, committing, the change log, closing. One commit is one write of the engine.
 * After a write that failed or may have failed it takes no more commits until it is loaded anew, since it no longer knows what is on disk.
 */
import type { LoggedChange } from "../core/change.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { Batch, CommitOutcome, Store, StoreContents, TakeOver } from "../manager/ports.ts";
import { LOG_END, logKey } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { damagedBeyondRepair, type Loaded, loadRows } from "./load.ts";
import { fromLogValue } from "./rows.ts";
import { DamagedRows, type Engine, type Rows } from "./rows-port.ts";

/** How to make a store of an engine. */
export interface RowStoreOptions {
  /** Wall clock, ms since 1970; decides only how much of the change log is kept. */
  readonly nowMs: () => number;
  /** Go on with what is left of a damaged store, under a new lineage. Default false. */
  readonly acceptLoss?: boolean;
  /** Term of a store that is new. Default 1; higher for one that is made anew at each start, or workers would take it for a second manager of the same term. */
  readonly firstTerm?: number;
}

/** A Store whose rows an engine keeps. */
export class RowStore implements Store {
  readonly #engine: Engine;
  readonly #options: RowStoreOptions;
  #rows: Rows | null = null;
  #ledger: Ledger | null = null;
  /** Why commits are refused; "" when they are not. */
  #refusal = "the store has not been loaded";
  #tail: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, options: RowStoreOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  load(takeOver?: TakeOver): Promise<Result<StoreContents>> {
    return this.#inTurn(() => this.#load(takeOver)).catch((error: unknown) =>
      fail("transient", `the store in ${this.#engine.name} cannot be opened now: ${String(error)}`),
    );
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    // An engine's write never rejects, so whatever throws did so before anything was written.
    return this.#inTurn(() => this.#commit(batch)).catch((error: unknown) => ({
      kind: "failed",
      reason: String(error),
    }));
  }

  log(after: number, limit: number): Promise<readonly LoggedChange[] | null> {
    return this.#readLog(after, limit).catch(() => null);
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#close());
  }

  /** One at a time: a plan is made of what the commit before it left. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(step);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #load(takeOver: TakeOver | undefined): Promise<Result<StoreContents>> {
    await this.#close();
    const loaded = await this.#openAndRead(takeOver);
    if (!loaded.ok) return loaded;
    const { contents, ledger } = loaded.value;
    this.#ledger = ledger;
    this.#refusal = contents.problem;
    return ok(contents);
  }

  async #openAndRead(takeOver: TakeOver | undefined): Promise<Result<Loaded>> {
    const opened = await this.#engine.open();
    if (!opened.ok) return opened;
    const first = await this.#read(opened.value, takeOver);
    if (!(first instanceof DamagedRows)) return first;
    await this.#close();
    const repaired = await this.#engine.repair(first.message);
    if (!repaired.ok) return repaired;
    const second = await this.#read(repaired.value, takeOver);
    if (!(second instanceof DamagedRows)) return second;
    await this.#close();
    return damagedBeyondRepair(second, this.#engine.name);
  }

  async #read(rows: Rows, takeOver: TakeOver | undefined): Promise<Result<Loaded> | DamagedRows> {
    this.#rows = rows;
    try {
      const { acceptLoss = false, firstTerm } = this.#options;
      const loaded = await loadRows(rows, {
        name: this.#engine.name,
        acceptLoss,
        firstTerm,
        ...(takeOver && { takeOver }),
      });
      if (!loaded.ok) await this.#close();
      return loaded;
    } catch (error) {
      if (error instanceof DamagedRows) return error;
      await this.#close();
      return fail("transient", `the store in ${this.#engine.name} cannot be read now: ${String(error)}`);
    }
  }

  async #commit({ changes }: Batch): Promise<CommitOutcome> {
    const [rows, ledger] = [this.#rows, this.#ledger];
    if (rows === null || ledger === null || this.#refusal !== "") return { kind: "failed", reason: this.#refusal };
    const gap = changes.findIndex((logged, index) => logged.revision !== ledger.head.revision + 1 + index);
    if (gap >= 0) {
      return {
        kind: "failed",
        reason: `revision ${changes[gap]?.revision} does not follow ${ledger.head.revision + gap}`,
      };
    }
    if (changes.length === 0) return { kind: "committed" };
    const plan = ledger.plan(changes, this.#options.nowMs());
    const outcome = await rows.write(plan.operations);
    if (outcome.kind !== "committed") {
      this.#refusal = `an earlier commit ended ${outcome.kind} (${outcome.reason}); load the store anew`;
      return outcome;
    }
    ledger.accept(plan);
    rows.noteAcked(ledger.head.lineage, ledger.head.revision);
    return outcome;
  }

  async #readLog(after: number, limit: number): Promise<readonly LoggedChange[] | null> {
    const [rows, ledger] = [this.#rows, this.#ledger];
    if (rows === null || ledger === null) return null;
    const { revision } = ledger.head;
    const count = Math.min(limit, revision - after);
    if (count <= 0) return [];
    if (after + 1 < ledger.log.oldest) return null;
    const changes: LoggedChange[] = [];
    const range = { gte: logKey(after + 1), lt: LOG_END, limit: count };
    for await (const page of rows.scan(range)) {
      for (const [, value] of page) changes.push(fromLogValue(value));
    }
    const whole = changes.length === count && changes.every((logged, index) => logged.revision === after + 1 + index);
    return whole ? changes : null;
  }

  async #close(): Promise<void> {
    const rows = this.#rows;
    this.#rows = null;
    this.#ledger = null;
    this.#refusal = "the store is closed";
    await rows?.close();
  }
}
