/**
 * A note beside the database of the newest acknowledged revision. It is written after each commit and never synced, so it costs microseconds;
 * and since every commit it names was durable before it, a database that ends below it has lost acknowledged commits at its end, where the digest sees nothing.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

const DIGITS = 16;

/** The revision noted for that lineage; 0 when there is no such note, or none that can be read. */
export function readAcked(file: string, lineage: string): number {
  try {
    const [noted, revision] = readFileSync(file, "utf8").trim().split(" ");
    return noted === lineage && /^\d+$/.test(revision ?? "") ? Number(revision) : 0;
  } catch {
    return 0;
  }
}

/** Writes notes to one file, each over the one before. A disk that refuses one costs nothing but that note. */
export class AckedNote implements Disposable {
  readonly #file: string;
  #descriptor: number | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  /** Notes that all up to `revision` is durable in the store of that lineage. */
  write(lineage: string, revision: number): void {
    try {
      // "w" on the first note: the file may hold a longer one, of another lineage.
      this.#descriptor ??= openSync(this.#file, "w", 0o600);
      writeSync(this.#descriptor, `${lineage} ${String(revision).padStart(DIGITS, "0")}\n`, 0);
    } catch {
      // A full disk: the note stays behind, and then it only finds less.
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}
