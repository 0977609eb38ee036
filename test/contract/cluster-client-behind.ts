// What the contract suites of ClusterClient share: the manager behind a client, and ways to wait and to read a refusal.
import { ClientError, type ClusterClient } from "../../src/client/cluster-client.ts";
import { toJobSpec } from "../../src/client/job-request.ts";
import type { WatchItem } from "../../src/client/resources.ts";
import type { JobSpec } from "../../src/core/spec.ts";
import type { FakeManager } from "../fakes/manager.ts";
import type { FakeNodeLinks } from "../fakes/node-links.ts";
import type { FakeStreams } from "../fakes/task-streams.ts";

/** What a client under test stands on. */
export interface Behind {
  readonly manager: FakeManager;
  readonly streams: FakeStreams;
  readonly links: FakeNodeLinks;
  readonly shutdowns: () => void;
}

/** A client of such a manager, and how to end both. */
export interface Subject {
  readonly client: ClusterClient;
  end(): Promise<void>;
}

/** A job of one task. */
export function lone(name: string, more: object = {}): JobSpec {
  return toJobSpec({ name, image: "busybox:1", ...more });
}

/** One kind of client, as a suite opens it. `actor` is what its changes carry. */
export interface Kind {
  readonly actor: string;
  readonly open: (behind: Behind) => Promise<Subject>;
}

/** What main.ts would say of the process. */
export const INFO = {
  name: "laptop",
  version: "0.1.0",
  commit: "test",
  pid: 1,
  startedMs: 1,
  dataDir: "/data",
} as const;

/** Code, message and hint of the ClientError that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const error = await promise.then(
    () => new Error("was not refused"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ClientError)) throw error;
  return { code: error.code, message: error.message, hint: error.hint };
}

/** Returns once the condition holds; the test's own timeout is the bound. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Items of a watch, awaited by kind; those of other kinds on the way are skipped. */
export class Items {
  readonly waiting: WatchItem[] = [];
  #wake: () => void = () => undefined;

  readonly push = (item: WatchItem): void => {
    this.waiting.push(item);
    this.#wake();
  };

  async next<K extends WatchItem["kind"]>(kind: K): Promise<Extract<WatchItem, { kind: K }>> {
    for (;;) {
      const item = this.waiting.shift();
      if (item?.kind === kind) return item as Extract<WatchItem, { kind: K }>;
      if (item) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A sample of a node. */
export function sampleOf(atMs: number) {
  const metrics = {
    cpuMillis: 250,
    memoryUsedBytes: 1,
    memoryTotalBytes: 2,
    diskUsedBytes: 3,
    diskTotalBytes: 4,
    load: [0.1, 0.2, 0.3] as const,
    tasks: [],
    atMs,
    book: null,
  };
  return { metrics, progress: [{ taskId: "t", text: "pulling" }], seenMonoMs: 0 };
}
