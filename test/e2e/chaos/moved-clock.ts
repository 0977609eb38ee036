// A wall clock that a test can move, for single processes: libfaketime between them and the kernel. The monotonic clock stays the machine's, and so does
// every other process's wall clock.
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LIBRARIES = ["x86_64", "aarch64"].map((arch) => `/usr/lib/${arch}-linux-gnu/faketime/libfaketimeMT.so.1`);

/** The clock of the processes that are started with its `env`. */
export class MovedClock implements Disposable {
  readonly env: Readonly<Record<string, string>>;
  readonly #folder = mkdtempSync(join(tmpdir(), "cube-clock-"));
  readonly #pids: number[] = [];
  readonly #file = join(this.#folder, "offset");

  constructor() {
    const library = LIBRARIES.find((file) => existsSync(file));
    if (library === undefined) throw new Error("libfaketime is not installed: scripts/test installs it");
    this.step(0);
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      FAKETIME_CACHE_DURATION: "1",
    };
  }

  /** So many seconds from the machine's time on, within a second. */
  step(seconds: number): void {
    // Replaced as a whole: a half-written offset would be another one.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** The library leaves two files behind for each process that is killed; they go when the clock does. */
  carriedBy(pid: number): void {
    this.#pids.push(pid);
  }

  [Symbol.dispose](): void {
    for (const pid of this.#pids) {
      for (const left of ["faketime_shm", "sem.faketime_sem"]) rmSync(`/dev/shm/${left}_${pid}`, { force: true });
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
