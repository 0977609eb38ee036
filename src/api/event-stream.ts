/**
 * The events of the cluster as a stream: gapless from a revision on, or an explicit `resync` where some are no longer kept. While its reader keeps up, events leave in
 * the turn of the commit; a reader that fell behind is served from the log, page by page, so that nothing is buffered for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LoggedChange } from "../core/change.ts";
import type { Cluster } from "../core/cluster.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import type { NodeSight } from "./node-view.ts";
import { eventResources } from "./resources.ts";
import { SseStream } from "./sse.ts";

const PAGE_SIZE = 500;
const RETRY_MS = 100;

/** Where events come from, and what is seen of their nodes. */
interface Events {
  readonly access: ManagerAccess;
  readonly sight: () => NodeSight;
}

/** Streams events above `since` (null: from now on) until the reader goes. */
export function streamEvents(
  of: Events,
  http: { readonly request: IncomingMessage; readonly response: ServerResponse },
  since: number | null,
): void {
  new EventStream(of, http, since).start();
}

class EventStream {
  readonly #access: ManagerAccess;
  readonly #sight: () => NodeSight;
  readonly #stream: SseStream;
  readonly #subscription: Disposable;
  /** Revision of the last event sent; null until it is known where "now" is. */
  #sent: number | null;
  /** Revision of the newest event heard of. */
  #heard = 0;
  #reading = false;
  #retry: Timer | undefined;

  constructor(
    of: Events,
    http: { readonly request: IncomingMessage; readonly response: ServerResponse },
    since: number | null,
  ) {
    const { access } = of;
    this.#access = access;
    this.#sight = of.sight;
    this.#sent = since;
    this.#subscription = access.subscribe((news) => {
      if (news.kind === "committed") this.#committed(news.changes, news.cluster);
      // Only durable changes were ever sent, so after a reload the log goes on where it was.
      else if (news.kind === "reloaded") this.#fallBehind();
    });
    this.#stream = new SseStream(http.request, http.response, {
      onReady: () => this.#fallBehind(),
      onClose: () => {
        this.#subscription[Symbol.dispose]();
        clearTimeout(this.#retry);
      },
    });
  }

  start(): void {
    this.#stream.comment("events");
    this.#fallBehind();
  }

  #committed(changes: readonly LoggedChange[], cluster: Cluster): void {
    const first = changes[0]?.revision ?? 0;
    this.#heard = changes.at(-1)?.revision ?? this.#heard;
    this.#sent ??= first - 1;
    if (this.#stream.ready && first <= this.#sent + 1) this.#send(cluster, changes);
    else this.#fallBehind();
  }

  #send(cluster: Cluster, changes: readonly LoggedChange[]): void {
    const sent = this.#sent ?? 0;
    const fresh = changes.filter((change) => change.revision > sent);
    for (const event of eventResources(cluster, fresh, this.#sight())) {
      this.#stream.send({ name: "event", data: event, id: event.revision });
    }
    this.#sent = fresh.at(-1)?.revision ?? sent;
  }

  #fallBehind(): void {
    if (!this.#reading) void this.#catchUp();
  }

  /** Reads the log until nothing is missing; from then on each commit follows the last event sent, and goes out directly. */
  async #catchUp(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#stream.ready && (await this.#nextPage()));
    } catch {
      // The manager is being recovered; what was missed is in the log once it is back.
      this.#retry = setTimeout(() => this.#fallBehind(), RETRY_MS);
    } finally {
      this.#reading = false;
    }
  }

  /** True when there is more to read. */
  async #nextPage(): Promise<boolean> {
    const after = this.#sent;
    const log = after === null ? [] : await this.#access.log(after, PAGE_SIZE);
    const cluster = await this.#access.read();
    const { revision } = this.#access.status();
    this.#sent ??= revision;
    if (log === null) this.#resync("events after this revision are no longer kept", revision);
    else if (this.#sent > revision) this.#resync("the cluster is younger than this revision", revision);
    else this.#send(cluster, log);
    if (this.#heard <= this.#sent) return log?.length === PAGE_SIZE;
    // A log that lags behind what was heard must not be asked again in a busy loop.
    if (log?.length === 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return true;
  }

  #resync(reason: string, revision: number): void {
    this.#stream.send({ name: "resync", data: { revision, reason }, id: revision });
    this.#sent = revision;
  }
}
