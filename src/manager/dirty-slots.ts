/**
 * Slots that have to be looked at: single ones, and all those of a job, which are gone through piece by piece and never listed at once. Single slots and jobs take
 * turns, and so do the jobs, so that a job of ten thousand tasks holds up no small one. Pure.
 */
import type { Cluster } from "../core/cluster.ts";
import type { Job } from "../core/job.ts";
import { slotKeysOf } from "../core/reconcile.ts";
import { Queue } from "./queue.ts";

/** Where a slot is. */
export interface SlotAddress {
  readonly key: string;
  readonly jobId: string;
  readonly service: string;
  readonly index: number;
}

interface JobWalk {
  readonly jobId: string;
  keys: Iterator<string>;
}

/** What is to be looked at, each slot once however often it was marked. */
export class DirtySlots {
  readonly #cluster: Cluster;
  readonly #single = new Queue<string>();
  readonly #marked = new Set<string>();
  readonly #jobs = new Queue<JobWalk>();
  readonly #walks = new Map<string, JobWalk>();
  #jobIsNext = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get isEmpty(): boolean {
    return this.#single.size === 0 && this.#jobs.size === 0;
  }

  mark(key: string): void {
    if (this.#marked.has(key)) return;
    this.#marked.add(key);
    this.#single.push(key);
  }

  /** All slots of the job, from the first on, also when it is under way already. */
  markJob(job: Job): void {
    const keys = slotKeysOf(this.#cluster, job);
    const under = this.#walks.get(job.id);
    if (under) {
      under.keys = keys;
      return;
    }
    const walk: JobWalk = { jobId: job.id, keys };
    this.#walks.set(job.id, walk);
    this.#jobs.push(walk);
  }

  /** The next slot to look at; undefined when there is none. */
  take(): SlotAddress | undefined {
    this.#jobIsNext = !this.#jobIsNext;
    const key = this.#jobIsNext ? (this.#ofJobs() ?? this.#ofSingle()) : (this.#ofSingle() ?? this.#ofJobs());
    if (key === undefined) return undefined;
    // Keys are jobId/service/index, and neither names nor ids hold a slash.
    const [jobId = "", service = "", index = "0"] = key.split("/");
    return { key, jobId, service, index: Number(index) };
  }

  #ofSingle(): string | undefined {
    const key = this.#single.shift();
    if (key !== undefined) this.#marked.delete(key);
    return key;
  }

  #ofJobs(): string | undefined {
    for (let walk = this.#jobs.shift(); walk !== undefined; walk = this.#jobs.shift()) {
      const { done, value } = walk.keys.next();
      if (done !== true) {
        this.#jobs.push(walk);
        return value;
      }
      this.#walks.delete(walk.jobId);
    }
    return undefined;
  }
}
