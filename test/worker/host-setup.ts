/** A worker's host on a fake engine, a journal in memory and a link whose other end is the test. */
import { DEFAULT_TASK, type TaskSpec } from "../../src/core/spec.ts";
import type { Assignment, ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import type { JournalRecord } from "../../src/worker/effects.ts";
import { WorkerHost, type WorkerHostOptions } from "../../src/worker/host.ts";
import type { Journal, ManagerLink, NodeMetricsSource, Runtime } from "../../src/worker/ports.ts";
import { FakeEngine, FakeRuntime } from "../fakes/runtime.ts";
import { FACTS, MANAGER } from "./driver.ts";

export class MemoryJournal implements Journal {
  records: JournalRecord[] = [];
  appends = 0;
  /** Why the next appends fail; "" for not at all. */
  broken = "";
  get size(): number {
    return this.records.length;
  }
  async load(): Promise<{ records: readonly JournalRecord[]; problem: string }> {
    return { records: this.records, problem: "" };
  }
  async append(records: readonly JournalRecord[]): Promise<void> {
    await Promise.resolve();
    if (this.broken !== "") throw new Error(this.broken);
    this.appends += 1;
    this.records.push(...structuredClone(records));
  }
  async compact(records: readonly JournalRecord[]): Promise<void> {
    this.records = structuredClone([...records]);
  }
  async close(): Promise<void> {}
}

/** The other end of the worker's link. */
export class TestLink implements ManagerLink {
  readonly sent: WorkerMessage[] = [];
  #handlers: Parameters<ManagerLink["open"]>[0] | null = null;
  #number = 0;
  readonly #waiting = new Set<() => void>();

  send(message: WorkerMessage): void {
    this.sent.push(message);
    // Answers at once, from within the send: a host must bear that.
    if (message.kind === "report") this.say({ kind: "ack", number: message.number });
    for (const check of this.#waiting) check();
  }

  open(handlers: Parameters<ManagerLink["open"]>[0]): Disposable {
    this.#handlers = handlers;
    return {
      [Symbol.dispose]: () => {
        this.#handlers = null;
      },
    };
  }

  link(): void {
    this.#handlers?.onLinked();
    this.say({ kind: "welcome", manager: MANAGER, protocol: 1, heartbeatMs: 1000 });
  }

  unlink(): void {
    this.#handlers?.onUnlinked();
  }

  say(message: ManagerMessage): void {
    this.#handlers?.onMessage(message);
  }

  /** A whole set. */
  assign(...put: readonly Assignment[]): void {
    this.#number += 1;
    this.say({ kind: "assignments", manager: MANAGER, number: this.#number, base: 0, put, remove: [] });
  }

  /** Resolves once the condition holds; asked again at each message. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves once a task was reported as "incarnation:state". */
  reported(taskId: string, position: string): Promise<void> {
    return this.until(() => this.states(taskId).includes(position));
  }

  states(taskId: string): string[] {
    return this.sent
      .flatMap((message) => (message.kind === "report" ? message.facts : []))
      .filter((fact) => fact.taskId === taskId)
      .map((fact) => `${fact.incarnation}:${fact.state}`);
  }
}

/** A node on which nothing happens. */
export const STILL: NodeMetricsSource = {
  async facts() {
    const { name, machineId, os, arch, capacity } = FACTS;
    return { name, machineId, os, arch, capacity };
  },
  async sample() {
    return {
      cpuMillis: 1,
      memoryUsedBytes: 2,
      memoryTotalBytes: 3,
      diskUsedBytes: 4,
      diskTotalBytes: 5,
      load: [0, 0, 0],
      atMs: 6,
      book: null,
    };
  },
};

export interface Rig {
  readonly host: WorkerHost;
  readonly engine: FakeEngine;
  readonly journal: MemoryJournal;
  readonly link: TestLink;
  readonly lines: string[];
}

/** A started and linked host; give `engine` and `journal` of an earlier one to come back after its end. */
export async function startRig(
  given: {
    nodeId?: string;
    engine?: FakeEngine;
    journal?: MemoryJournal;
    runtime?: Runtime;
    options?: Partial<WorkerHostOptions>;
  } = {},
): Promise<Rig> {
  const nodeId = given.nodeId ?? "n1";
  const engine = given.engine ?? new FakeEngine();
  const journal = given.journal ?? new MemoryJournal();
  const link = new TestLink();
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(text);
  const host = new WorkerHost({
    node: { id: nodeId, address: "127.0.0.1", version: "0", labels: {}, reserved: FACTS.reserved, local: true },
    runtimes: [given.runtime ?? new FakeRuntime(nodeId, engine)],
    journal,
    link,
    metrics: STILL,
    clock: { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId: "boot" }) },
    log: { info: say, warn: say, error: say },
    seed: 1,
    sampleMs: 20,
    runtimeProbeMs: 20,
    ...given.options,
  });
  await host.start();
  link.link();
  return { host, engine, journal, link, lines };
}

/** A restart policy that does not make a test wait. */
export const QUICK: Partial<TaskSpec> = { restart: { ...DEFAULT_TASK.restart, delayMs: 1, maxDelayMs: 1 } };
