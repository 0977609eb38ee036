/** Stored jobs and slots. A job holds its specification; a slot holds what outlives its attempts: numbering, back-off, nodes to avoid. */
import type { JobSpec, ServiceSpec } from "./spec.ts";

/** `run` keeps the slots filled, `stop` keeps the records, `remove` ends in their removal. */
export type JobDesired = "run" | "stop" | "remove";

/** A submitted job. */
export interface Job {
  readonly id: string;
  readonly version: number;
  readonly spec: JobSpec;
  readonly desired: JobDesired;
  /** The startSerial of the newest operator's restart; 0 before the first. A slot that has answered no start since then restarts what it runs. */
  readonly restartSerial: number;
  /** Raised when a stopped or ended job is started again: each slot then gets a new attempt. */
  readonly startSerial: number;
  /** Who submitted it. */
  readonly actor: string;
  /** Wall clock, ms since 1970. Tells jobs that had the same id one after the other apart; else for display only. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** One place of a service, filled by one attempt after another. */
export interface Slot {
  readonly jobId: string;
  readonly service: string;
  readonly index: number;
  /** Attempts so far; the newest attempt's number. 0 before the first. */
  readonly attempt: number;
  /** The newest attempt; "" before the first. */
  readonly taskId: string;
  /** The job's startSerial that the newest attempt answers. */
  readonly startSerial: number;
  /** Attempts that failed in a row; sets the next delay. */
  readonly failures: number;
  /** Milliseconds that must still pass before the next attempt; counts down only while the manager runs. */
  readonly waitMs: number;
  /** Nodes where the last attempts failed, newest last, at most AVOIDED_NODES. */
  readonly avoid: readonly string[];
}

/** Nodes that a slot remembers to avoid. */
export const AVOIDED_NODES = 3;

/** Key of a slot among all slots. */
export function slotKey(jobId: string, service: string, index: number): string {
  return `${jobId}/${service}/${index}`;
}

/** The service of that name in the job; undefined when the specification has none. */
export function findService(job: Job, name: string): ServiceSpec | undefined {
  return job.spec.services.find((service) => service.name === name);
}

/** A name for people: the job's for a lone task, else job.service.slot. */
export function taskName(job: Job, service: string, slot: number): string {
  const lone = job.spec.services.length === 1 && job.spec.services[0]?.count === 1;
  return lone ? job.spec.name : `${job.spec.name}.${service}.${slot}`;
}
