// What the one who submits knows of his own jobs: the other side of the books. Written by the workload alone, from the manager's answers, never from what runs.

/** What a job was last told to do. `asked`: nobody has answered yet. `gone`: taken back by a store that an operator has replaced, see operator.ts. */
export type Told = "asked" | "run" | "stop" | "remove" | "gone";

/** One submitted job of equal tasks. */
export interface Entry {
  /** Unique, and never used again. */
  readonly name: string;
  /** Its Idempotency-Key. */
  readonly key: string;
  readonly count: number;
  /** A batch task ends by itself, once. */
  readonly kind: "service" | "batch";
  /** False: it may never have two live containers, whatever happens. */
  readonly replace: boolean;
  told: Told;
  /** An answer to the last of what it was told is outstanding. */
  isUnsure: boolean;
  /** "" before the first answer. */
  jobId: string;
  /** False once a store that did not know its key has taken the place of the one that did. */
  keyIsKnown: boolean;
}

/** All jobs of a run. */
export class Book {
  readonly entries: Entry[] = [];

  /** Those that the manager has accepted and still has to know. */
  get known(): Entry[] {
    return this.entries.filter(({ told }) => told === "run" || told === "stop");
  }

  /** Containers that run when all is well: those of services. */
  get lasting(): number {
    return this.entries
      .filter(({ told, kind }) => (told === "run" || told === "asked") && kind === "service")
      .reduce((sum, { count }) => sum + count, 0);
  }

  /** Tasks that were ever asked for. */
  get tasks(): number {
    return this.entries.reduce((sum, { count }) => sum + count, 0);
  }
}
