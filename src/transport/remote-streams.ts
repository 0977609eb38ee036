/**
 * Output, commands and the engine's view of tasks on other nodes, for the manager. A node's bulk socket is opened when it is first needed, by whichever side
 * dialled the control link, and belongs to that link: it has the same key, and a nonce that serves once. It goes with the link, or when it has been idle for long.
 */
import { randomBytes } from "node:crypto";
import type { Address } from "../core/address.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { SessionMessage } from "../protocol/messages.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery } from "../worker/ports.ts";
import { BulkClient } from "./bulk-client.ts";
import { dial } from "./dial.ts";
import { BULK_PATH, type Visitor } from "./door.ts";
import type { Identity } from "./identity.ts";

/** What stands behind task streams, by node. */
export interface RemoteTaskStreams {
  /** Ends with the output, or on abort. Throws an Error with the worker's words. */
  logs(nodeId: string, taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
  exec(nodeId: string, taskId: string, request: ExecRequest): Promise<Result<ExecSession>>;
  /** The engine's own inspect object. */
  inspectRaw(nodeId: string, taskId: string): Promise<Result<unknown>>;
}

/** A node's control link, as far as a bulk socket needs it. */
export interface ControlLink {
  /** Where the manager dialled it; null when the worker dials. */
  readonly dialled: Address | null;
  send(frame: SessionMessage): void;
}

interface Wanted {
  readonly nodeId: string;
  readonly arrived: (client: Result<BulkClient>) => void;
}

/** Milliseconds for a bulk socket to come up, and until an idle one is closed. */
const OPEN_MS = 10_000;
const IDLE_MS = 60_000;

/** Streams over bulk sockets. The owner of the control links tells it what it hears. */
export class RemoteStreams implements RemoteTaskStreams {
  readonly #identity: Identity;
  readonly #control: (nodeId: string) => ControlLink | null;
  readonly #wanted = new Map<string, Wanted>();
  readonly #clients = new Map<string, Promise<Result<BulkClient>>>();

  constructor(identity: Identity, control: (nodeId: string) => ControlLink | null) {
    this.#identity = identity;
    this.#control = control;
  }

  async *logs(nodeId: string, taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const client = await this.#client(nodeId);
    if (!client.ok) throw new Error(client.failure.message);
    yield* client.value.logs(taskId, query, signal);
  }

  async exec(nodeId: string, taskId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    const client = await this.#client(nodeId);
    return client.ok ? client.value.exec(taskId, request) : client;
  }

  async inspectRaw(nodeId: string, taskId: string): Promise<Result<unknown>> {
    const client = await this.#client(nodeId);
    return client.ok ? client.value.inspectRaw(taskId) : client;
  }

  /** A bulk socket has come in. One that nobody waits for is hung up on. */
  visited(visitor: Visitor): void {
    const wanted = this.#take(visitor.nonce, visitor.peer.peerId);
    if (!wanted) {
      visitor.ws.terminate();
      return;
    }
    visitor.settled();
    wanted.arrived(ok(this.#adopt(wanted.nodeId, visitor.ws)));
  }

  /** The worker is ready for the manager's dial. */
  ready(nodeId: string, nonce: string): void {
    const to = this.#control(nodeId)?.dialled;
    const wanted = to ? this.#take(nonce, nodeId) : undefined;
    if (!to || !wanted) return;
    dial(
      { ...to, path: `${BULK_PATH}?${nonce}` },
      { identity: this.#identity, pin: nodeId },
      {
        onOpen: (ws) => wanted.arrived(ok(this.#adopt(nodeId, ws))),
        onFailed: (failure) => wanted.arrived({ ok: false, failure }),
      },
    );
  }

  /** The control link has ended, and with it everything that belongs to it. */
  unlinked(nodeId: string): void {
    for (const [nonce, wanted] of this.#wanted) {
      if (wanted.nodeId !== nodeId) continue;
      this.#wanted.delete(nonce);
      wanted.arrived(LOST);
    }
    void this.#clients.get(nodeId)?.then((client) => client.ok && client.value.close());
  }

  #client(nodeId: string): Promise<Result<BulkClient>> {
    const present = this.#clients.get(nodeId);
    if (present) return present;
    const opening = this.#open(nodeId);
    this.#clients.set(nodeId, opening);
    void opening.then((client) => {
      if (!client.ok) this.#forget(nodeId, opening);
    });
    return opening;
  }

  async #open(nodeId: string): Promise<Result<BulkClient>> {
    const control = this.#control(nodeId);
    if (!control) return LOST;
    const nonce = randomBytes(32).toString("hex");
    const { promise, resolve } = Promise.withResolvers<Result<BulkClient>>();
    const late = setTimeout(() => {
      this.#wanted.delete(nonce);
      resolve(fail("unavailable", `the node opens no second connection within ${OPEN_MS} ms`));
    }, OPEN_MS);
    this.#wanted.set(nonce, { nodeId, arrived: resolve });
    control.send({ kind: "bulk", nonce });
    const client = await promise;
    clearTimeout(late);
    return client;
  }

  #adopt(nodeId: string, ws: Visitor["ws"]): BulkClient {
    let idle: ReturnType<typeof setTimeout> | undefined;
    const mine = this.#clients.get(nodeId);
    const client: BulkClient = new BulkClient(ws, {
      onClosed: () => {
        clearTimeout(idle);
        if (mine) this.#forget(nodeId, mine);
      },
      onIdle: () => {
        clearTimeout(idle);
        idle = setTimeout(() => client.isIdle && client.close(), IDLE_MS);
        idle.unref();
      },
    });
    // The node went while the socket came.
    if (!this.#control(nodeId)) client.close();
    return client;
  }

  #forget(nodeId: string, which: Promise<Result<BulkClient>>): void {
    if (this.#clients.get(nodeId) === which) this.#clients.delete(nodeId);
  }

  /** A nonce serves once, and only the node that it was given to. */
  #take(nonce: string, nodeId: string): Wanted | undefined {
    const wanted = this.#wanted.get(nonce);
    if (wanted?.nodeId !== nodeId) return undefined;
    this.#wanted.delete(nonce);
    return wanted;
  }
}

const LOST = fail("unavailable", "the node has no link to this manager");
