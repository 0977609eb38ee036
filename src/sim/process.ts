/**
 * One simulated process on a machine: it lives, may be stopped for a while (SIGSTOP, a long pause of its garbage collector, the machine's sleep), and dies
 * at once. What was planned by a process that is dead never happens; what comes while it is stopped waits.
 */
import type { MachineClock } from "./machine-clock.ts";
import type { EventQueue } from "./queue.ts";

export class SimProcess {
  readonly #queue: EventQueue;
  readonly #clock: MachineClock;
  /** Raised at each start, so that nothing of an earlier life goes on. */
  #life = 0;
  #alive = false;
  /** Sleeps of the machine under it. */
  #stopped = 0;
  /** Pauses of this life. */
  #paused = 0;
  #backlog: (() => void)[] = [];

  constructor(queue: EventQueue, clock: MachineClock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get stopped(): boolean {
    return this.#stopped + this.#paused > 0;
  }

  /** Which life it is; a thing of another one is void. */
  get life(): number {
    return this.#life;
  }

  begin(): void {
    this.#life++;
    this.#alive = true;
    this.#paused = 0;
  }

  die(): void {
    this.#alive = false;
    this.#backlog = [];
  }

  /** SIGSTOP: ends with what is returned, or with the process. */
  pause(): () => void {
    const life = this.#life;
    this.#paused++;
    return () => {
      if (life !== this.#life) return;
      this.#paused--;
      this.#goOn();
    };
  }

  /** Its machine sleeps, whatever process that is meanwhile. Stops may overlap; it goes on after the last of them. */
  stop(): void {
    this.#stopped++;
  }

  resume(): void {
    this.#stopped--;
    this.#goOn();
  }

  #goOn(): void {
    if (this.stopped) return;
    for (const run of this.#backlog.splice(0)) this.act(run);
  }

  /** Does it now, or when the process goes on; never when it is dead. */
  act(run: () => void): void {
    if (!this.#alive) return;
    if (this.stopped) this.#backlog.push(run);
    else run();
  }

  /** The same, for something that was begun in this life: in another one it does nothing. */
  bound(run: () => void): () => void {
    const life = this.#life;
    return () => {
      if (life === this.#life) this.act(run);
    };
  }

  /** The same for a callback with a value. */
  boundWith<T>(run: (value: T) => void): (value: T) => void {
    const life = this.#life;
    return (value) => {
      if (life === this.#life) this.act(() => run(value));
    };
  }

  /** A timer of this process, by its machine's monotonic clock: it never fires early, and late when the process is stopped. */
  after(ms: number, run: () => void): Timer {
    const dueMs = this.#clock.monoMs + ms;
    const timer: Timer = { isOff: false };
    const fire = this.bound(() => {
      if (timer.isOff) return;
      const restMs = this.#clock.untilMonoMs(dueMs);
      if (restMs > 0) this.#queue.after(restMs, fire);
      else run();
    });
    this.#queue.after(this.#clock.untilMonoMs(dueMs), fire);
    return timer;
  }
}

/** A timer that can be called off. */
export interface Timer {
  isOff: boolean;
}
