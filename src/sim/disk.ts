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
import { type WriteListener, WritePlaces } from "./write-places.ts";

/** What a store holds, as a copy of its directory. */
export interface StoreImage {
  readonly rows: ReadonlyMap<string, Change>;
  readonly revision: number;
  readonly term: number;
  readonly lineage: string;
  readonly past: readonly Opening[];
  /** null for a sound one. */
  readonly damage: Damage | null;
}

/** What the head row of a damaged store stands for: all that was committed, whatever is there now. */
interface Damage {
  readonly committed: ReadonlyMap<string, Change>;
  /** Keys of rows that are there and mean nothing. */
  readonly unreadable: ReadonlySet<string>;
}

/** How records come to harm: they are gone, nobody can read them, or they say something else than was committed. */
export type Harm = "lost" | "unreadable" | "altered";

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

interface Committing {
  readonly batch: Batch;
  readonly done: (outcome: CommitOutcome) => void;
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
  #damage: Damage | null = null;
  /** Tells its openings from those of its copies. */
  readonly #salt: string;
  #pending: Committing | null = null;
  readonly #places: WritePlaces;

  constructor(queue: EventQueue, dice: Dice, onDurable: DurableListener, onWrite: WriteListener = () => {}) {
    this.#queue = queue;
    this.#dice = dice;
    this.#onDurable = onDurable;
    this.#places = new WritePlaces(onWrite);
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
    const damage = this.damage;
    const problem = damage || (full ? "the disk is full" : "");
    const [lineage, term, revision, past] = [this.#lineage, this.#term, this.#revision, this.#past];
    const readable = [...this.#rows].filter(([key]) => this.#damage?.unreadable.has(key) !== true);
    const records = readable.map(([, record]) => record);
    return { lineage, term, revision, past, records, problem, retry: full && damage === "", notice: "" };
  }

  /** What is wrong with it, as load.ts of the real store finds it by the count and the digest in its head row; "" for a sound one. */
  get damage(): string {
    if (this.#damage === null) return "";
    const { committed, unreadable } = this.#damage;
    const [many, left] = [committed.size, this.#rows.size];
    if (many !== left) return `the store is damaged: ${many} records were committed, ${left} are there`;
    const isAltered = [...this.#rows].some(([key, record]) => committed.get(key) !== record);
    if (isAltered || unreadable.size > 0)
      return `the store is damaged: the digest of its ${many} records does not match: some are lost or altered`;
    return "";
  }

  /** So many of its records from the nth on come to harm, while nobody has it open. */
  harm(what: { readonly nth: number; readonly records: number; readonly how: Harm }): void {
    const committed = this.#damage?.committed ?? new Map(this.#rows);
    const unreadable = new Set(this.#damage?.unreadable);
    const keys = [...this.#rows.keys()];
    if (keys.length === 0) return;
    const many = Math.min(what.records, keys.length);
    for (let i = 0; i < many; i++) {
      const key = keys[(what.nth + i) % keys.length] ?? "";
      const record = this.#rows.get(key);
      if (what.how === "lost") this.#rows.delete(key);
      else if (what.how === "unreadable") unreadable.add(key);
      else if (record !== undefined) this.#rows.set(key, altered(record));
    }
    this.#damage = { committed, unreadable };
  }

  /** Goes on with what is left, as --accept-loss does. */
  acceptLoss(): void {
    for (const key of this.#damage?.unreadable ?? []) this.#rows.delete(key);
    this.#damage = null;
    this.#lineage = this.#newLineage();
    this.#past = [];
  }

  #open(): void {
    const mark = digest("mark", this.#salt, ++this.#openings).slice(0, 8);
    this.#past = [...this.#past, { term: this.#term, revision: this.#revision, mark }].slice(-PAST_KEPT);
  }

  /** Answers once, later. */
  commit(batch: Batch, done: (outcome: CommitOutcome) => void): void {
    const pending = { batch, done };
    this.#places.survives(() => {
      this.#pending = pending;
      this.#queue.after(1 + this.#dice.exponential(this.trouble.writeMs), () => this.#end(pending));
    });
  }

  #end(pending: Committing): void {
    if (this.#pending !== pending) return;
    let outcome: CommitOutcome | null = null;
    const isThere = this.#places.survives(() => {
      this.#pending = null;
      outcome = this.#outcome(pending.batch);
    });
    if (isThere && outcome !== null) pending.done(outcome);
  }

  /** The process that wrote is gone; what it was writing is there or not. */
  crash(): void {
    const pending = this.#pending;
    this.#pending = null;
    this.#places.crash();
    if (pending !== null && !this.trouble.full && this.#dice.chance(0.5)) this.#land(pending.batch);
  }

  image(): StoreImage {
    const [revision, term, lineage, past] = [this.#revision, this.#term, this.#lineage, this.#past];
    return { rows: new Map(this.#rows), revision, term, lineage, past, damage: this.#damage };
  }

  /** Somebody puts another directory in its place, while nobody has it open. */
  replace(image: StoreImage): void {
    this.#rows = new Map(image.rows);
    this.#revision = image.revision;
    this.#term = image.term;
    this.#lineage = image.lineage;
    this.#past = image.past;
    this.#damage = image.damage;
  }

  /** Somebody deletes the directory. */
  wipe(): void {
    this.replace({ rows: new Map(), revision: 0, term: 0, lineage: this.#newLineage(), past: [], damage: null });
  }

  #outcome(batch: Batch): CommitOutcome {
    if (this.#damage !== null) return { kind: "failed", reason: this.damage };
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

/** The same with a bit of it flipped, in a date or in a word that decides nothing. */
function altered(record: Change): Change {
  if (record.kind === "task.put") return { ...record, task: { ...record.task, updatedMs: record.task.updatedMs + 1 } };
  if (record.kind === "node.put") return { ...record, node: { ...record.node, reason: `${record.node.reason}\u0001` } };
  return { ...record };
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

/** A journal's records, one to a line. */
export type JournalImage = readonly string[];

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
  readonly #places: WritePlaces;

  constructor(queue: EventQueue, dice: Dice, onKept: KeptListener = () => {}, onWrite: WriteListener = () => {}) {
    this.#queue = queue;
    this.#dice = dice;
    this.#onKept = onKept;
    this.#places = new WritePlaces(onWrite);
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
    this.#places.crash();
    if (pending === null || this.trouble.full) return;
    if (!pending.isWhole) this.#keep(pending, this.#dice.between(0, pending.lines.length));
    else if (this.#dice.chance(0.5)) this.#keep(pending, pending.lines.length);
  }

  /** The process ends in order: what is under way is written, and then all that it knows; null leaves it at that. */
  end(records: readonly JournalRecord[] | null): void {
    const pending = this.#pending;
    this.#pending = null;
    if (this.trouble.full) return;
    if (pending !== null) this.#keep(pending, pending.lines.length);
    if (records !== null) this.#keep({ records, lines: linesOf(records), isWhole: true }, records.length);
  }

  wipe(): void {
    this.#lines = [];
  }

  /** A bit of the record that is so many before the last has flipped: its frame is left out when it is read. */
  flip(before: number): void {
    if (this.#lines.length > 0) this.#lines.splice(this.#lines.length - 1 - (before % this.#lines.length), 1);
  }

  /** What is on disk, to be put back later or elsewhere. */
  image(): JournalImage {
    return [...this.#lines];
  }

  /** Nobody may be writing. */
  putBack(image: JournalImage): void {
    this.#lines = [...image];
  }

  #write(pending: Writing, done: (isWritten: boolean) => void): void {
    this.#places.survives(() => {
      this.#pending = pending;
      this.#queue.after(1 + this.#dice.exponential(this.trouble.writeMs), () => {
        if (this.#pending === pending) this.#end(pending, done);
      });
    });
  }

  #end(pending: Writing, done: (isWritten: boolean) => void): void {
    const { full, unknown } = this.trouble;
    const isThere = this.#places.survives(() => {
      this.#pending = null;
      if (!full) this.#keep(pending, pending.lines.length);
    });
    if (isThere) done(!full && !unknown);
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
