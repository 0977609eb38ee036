/**
 * The disks of a run: the manager's store and a worker's journal, as LevelDB and the journal file keep their promises. A write that was answered survives a
 * crash; of one under way all, nothing or (journal) a beginning is found afterwards.
 */
import type { Change, LoggedChange } from "../core/change.ts";
import { digest } from "../core/ids.ts";
import type { Batch, CommitOutcome, StoreContents, TakeOver } from "../manager/ports.ts";
import type { Opening } from "../protocol/messages.ts";
import type { JournalRecord } from "../worker/effects.ts";
import type { EventQueue } from "./queue.ts";
import type { Dice } from "./random.ts";

/** What a store holds, as a copy of its directory. */
export interface StoreImage {
  readonly rows: ReadonlyMap<string, Change>;
  readonly revision: number;
  readonly term: number;
  readonly lineage: string;
  readonly past: readonly Opening[];
}

/** Openings that a store keeps, as the real one does. */
const PAST_KEPT = 32;

/** How a disk misbehaves just now. */
export interface DiskTrouble {
  /** Mean of a synced write, in ms. */
  writeMs: number;
  /** Writes fail and leave nothing behind. */
  full: boolean;
  /** Writes are answered with an error, whatever became of them. */
  unknown: boolean;
}

/** Hears what became durable, in order. */
export type DurableListener = (changes: readonly LoggedChange[]) => void;

export class SimStore {
  readonly trouble: DiskTrouble = { writeMs: 2, full: false, unknown: false };
  readonly #queue: EventQueue;
  readonly #dice: Dice;
  readonly #onDurable: DurableListener;
  #rows = new Map<string, Change>();
  #revision = 0;
  #term = 0;
  #lineage: string;
  #lineages = 1;
  #past: readonly Opening[] = [];
  #openings = 0;
  /** Tells its openings from those of its copies. */
  readonly #salt: string;
  #pending: { readonly batch: Batch; readonly done: (outcome: CommitOutcome) => void } | null = null;

  constructor(queue: EventQueue, dice: Dice, onDurable: DurableListener) {
    this.#queue = queue;
    this.#dice = dice;
    this.#onDurable = onDurable;
    this.#lineage = this.#newLineage();
    this.#salt = this.#lineage;
  }

  /** True while a commit is under way: the moment in which a crash asks most of the recovery. */
  get isWriting(): boolean {
    return this.#pending !== null;
  }

  get revision(): number {
    return this.#revision;
  }

  get lineage(): string {
    return this.#lineage;
  }

  get term(): number {
    return this.#term;
  }

  load(takeOver?: TakeOver): StoreContents {
    if (takeOver !== undefined) {
      this.#lineage = this.#newLineage();
      this.#past = [];
    }
    this.#term = Math.max(this.#term, takeOver?.aboveTerm ?? 0) + 1;
    this.#open();
    const { full } = this.trouble;
    const problem = full ? "the disk is full" : "";
    const [lineage, term, revision, past] = [this.#lineage, this.#term, this.#revision, this.#past];
    return { lineage, term, revision, past, records: [...this.#rows.values()], problem, retry: full, notice: "" };
  }

  #open(): void {
    const mark = digest("mark", this.#salt, ++this.#openings).slice(0, 8);
    this.#past = [...this.#past, { term: this.#term, revision: this.#revision, mark }].slice(-PAST_KEPT);
  }

  /** Answers once, later. */
  commit(batch: Batch, done: (outcome: CommitOutcome) => void): void {
    const pending = { batch, done };
    this.#pending = pending;
    this.#queue.after(1 + this.#dice.exponential(this.trouble.writeMs), () => {
      if (this.#pending !== pending) return;
      this.#pending = null;
      done(this.#outcome(batch));
    });
  }

  /** The process that wrote is gone; what it was writing is there or not. */
  crash(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null && !this.trouble.full && this.#dice.chance(0.5)) this.#land(pending.batch);
  }

  image(): StoreImage {
    const [revision, term, lineage, past] = [this.#revision, this.#term, this.#lineage, this.#past];
    return { rows: new Map(this.#rows), revision, term, lineage, past };
  }

  /** Somebody puts another directory in its place, while nobody has it open. */
  replace(image: StoreImage): void {
    this.#rows = new Map(image.rows);
    this.#revision = image.revision;
    this.#term = image.term;
    this.#lineage = image.lineage;
    this.#past = image.past;
  }

  /** Somebody deletes the directory. */
  wipe(): void {
    this.replace({ rows: new Map(), revision: 0, term: 0, lineage: this.#newLineage(), past: [] });
  }

  #outcome(batch: Batch): CommitOutcome {
    if (this.trouble.full) return { kind: "failed", reason: "no space left on device" };
    if (this.trouble.unknown) {
      if (this.#dice.chance(0.5)) this.#land(batch);
      return { kind: "unknown", reason: "input/output error" };
    }
    this.#land(batch);
    return { kind: "committed" };
  }

  #land({ changes }: Batch): void {
    for (const { change } of changes) keep(this.#rows, change);
    this.#revision = changes.at(-1)?.revision ?? this.#revision;
    this.#onDurable(changes);
  }

  #newLineage(): string {
    return digest("lineage", this.#lineages++, this.#dice.seed()).slice(0, 8);
  }
}

/** Puts a change into rows by its key: what a store holds is the last put of each key. */
function keep(rows: Map<string, Change>, change: Change): void {
  switch (change.kind) {
    case "job.put":
      rows.set(`job/${change.job.id}`, change);
      return;
    case "slot.put":
      rows.set(`slot/${change.slot.jobId}/${change.slot.service}/${change.slot.index}`, change);
      return;
    case "task.put":
      rows.set(`task/${change.task.id}`, change);
      return;
    case "node.put":
      rows.set(`node/${change.node.id}`, change);
      return;
    case "decision.put":
      rows.set(`decision/${change.decision.taskId}`, change);
      return;
    case "request.put":
      rows.set(`request/${change.request.key}`, change);
      return;
    case "access.put":
      rows.set(`access/${change.access.name}`, change);
      return;
    case "job.remove":
      rows.delete(`job/${change.jobId}`);
      return;
    case "slot.remove":
      rows.delete(`slot/${change.key}`);
      return;
    case "task.remove":
      rows.delete(`task/${change.taskId}`);
      return;
    case "node.remove":
      rows.delete(`node/${change.nodeId}`);
      return;
    case "decision.remove":
      rows.delete(`decision/${change.taskId}`);
      return;
    case "request.remove":
      rows.delete(`request/${change.key}`);
      return;
    default:
      rows.delete(`access/${change.name}`);
  }
}

/** Hears what has come to a journal's disk: all that it holds when `isWhole`. */
export type KeptListener = (records: readonly JournalRecord[], isWhole: boolean) => void;

interface Writing {
  readonly records: readonly JournalRecord[];
  readonly lines: readonly string[];
  readonly isWhole: boolean;
}

/** A worker's journal. Records are kept as text, so that nothing in it can change after it was written. */
export class SimJournal {
  readonly trouble: DiskTrouble = { writeMs: 2, full: false, unknown: false };
  readonly #queue: EventQueue;
  readonly #dice: Dice;
  readonly #onKept: KeptListener;
  #lines: string[] = [];
  #pending: Writing | null = null;

  constructor(queue: EventQueue, dice: Dice, onKept: KeptListener = () => {}) {
    this.#queue = queue;
    this.#dice = dice;
    this.#onKept = onKept;
  }

  /** Records in it, of which the last of a key counts. */
  get size(): number {
    return this.#lines.length;
  }

  get isWriting(): boolean {
    return this.#pending !== null;
  }

  load(): JournalRecord[] {
    return this.#lines.map((line) => JSON.parse(line) as JournalRecord);
  }

  /** Answers true once the records are durable, false when they may not be. */
  append(records: readonly JournalRecord[], done: (isWritten: boolean) => void): void {
    this.#write({ records, lines: linesOf(records), isWhole: false }, done);
  }

  compact(records: readonly JournalRecord[], done: (isWritten: boolean) => void): void {
    this.#write({ records, lines: linesOf(records), isWhole: true }, done);
  }

  /** The process that wrote is gone: a whole file is there or not, of appended records there is a beginning. */
  crash(): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null || this.trouble.full) return;
    if (!pending.isWhole) this.#keep(pending, this.#dice.between(0, pending.lines.length));
    else if (this.#dice.chance(0.5)) this.#keep(pending, pending.lines.length);
  }

  wipe(): void {
    this.#lines = [];
  }

  /** It becomes what another one has on disk. */
  copy(other: SimJournal): void {
    this.#lines = [...other.#lines];
  }

  #write(pending: Writing, done: (isWritten: boolean) => void): void {
    this.#pending = pending;
    this.#queue.after(1 + this.#dice.exponential(this.trouble.writeMs), () => {
      if (this.#pending !== pending) return;
      this.#pending = null;
      if (this.trouble.full) {
        done(false);
        return;
      }
      this.#keep(pending, pending.lines.length);
      done(!this.trouble.unknown);
    });
  }

  /** The first so many of them are on disk. */
  #keep({ records, lines, isWhole }: Writing, many: number): void {
    if (isWhole) this.#lines = [...lines];
    else this.#lines.push(...lines.slice(0, many));
    if (many > 0) this.#onKept(records.slice(0, many), isWhole);
  }
}

function linesOf(records: readonly JournalRecord[]): string[] {
  return records.map((record) => JSON.stringify(record));
}
