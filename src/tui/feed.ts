/**
 * Brings the cluster into the UI: watches it, makes its text safe to draw, and delivers changes in batches, the first at once and later ones at most four times
 * a second.
 */
import type { ClusterClient } from "../client/cluster-client.ts";
import type { WatchItem } from "../client/resources.ts";
import { DECISIONS_KEPT } from "./state/cluster.ts";
import type { Message } from "./state/ui.ts";
import { safeRecord } from "./terminal/text.ts";

/** Least time between two batches, in ms. */
const BATCH_MS = 250;

/** The cluster's changes as messages. */
export class Feed {
  readonly #client: ClusterClient;
  readonly #post: (message: Message) => void;
  #watch: Disposable | undefined;
  #waiting: WatchItem[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = 0;

  constructor(client: ClusterClient, post: (message: Message) => void) {
    this.#client = client;
    this.#post = post;
  }

  start(): void {
    this.#watch = this.#client.watch((item) => this.#take(item));
  }

  stop(): void {
    this.#watch?.[Symbol.dispose]();
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #take(item: WatchItem): void {
    // A snapshot replaces all that came before it, also what still waits.
    if (item.kind === "snapshot") this.#waiting = [];
    this.#waiting.push(safeRecord(item));
    const waitMs = item.kind === "snapshot" ? 0 : this.#lastMs + BATCH_MS - performance.now();
    if (waitMs <= 0) this.#deliver();
    else this.#timer ??= setTimeout(() => this.#deliver(), waitMs);
    if (item.kind === "snapshot") void this.#askForDecisions();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length > 0) this.#post({ kind: "items", items });
  }

  /** Decisions are not part of a snapshot; the table's scores come from the newest of them. */
  async #askForDecisions(): Promise<void> {
    try {
      const { items } = await this.#client.decisions({ limit: DECISIONS_KEPT });
      this.#post({ kind: "decisions", decisions: safeRecord(items) });
    } catch {
      // The decision of the selected task is asked for by itself, and tells if that fails.
    }
  }
}
