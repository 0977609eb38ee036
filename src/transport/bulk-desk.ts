/** The worker's bulk sockets: opened as the manager asks over the control link, dialled or awaited as that was, and ended with it. */
import type { WebSocket } from "ws";
import type { Address } from "../core/address.ts";
import { NOTHING_TO_SERVE, serveBulk, type TaskSource } from "./bulk-server.ts";
import { dial } from "./dial.ts";
import { BULK_PATH, type Visitor } from "./door.ts";
import type { Identity } from "./identity.ts";

/** Milliseconds that an announced socket is waited for. */
const EXPECT_MS = 10_000;
/** Announced at a time; more are not believed. */
const MAX_EXPECTED = 16;

/** Made by the owner of the control link, who tells it what it hears. */
export class BulkDesk {
  readonly #identity: Identity;
  readonly #open = new Set<() => void>();
  readonly #expected = new Map<string, { readonly clusterId: string; readonly untilMs: number }>();
  source: TaskSource = NOTHING_TO_SERVE;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Dials the manager for it, as the control link was. */
  dial(to: Address, clusterId: string, nonce: string): void {
    const giveUp = dial(
      { ...to, path: `${BULK_PATH}?${nonce}` },
      { identity: this.#identity, pin: clusterId },
      {
        onOpen: (ws) => {
          this.#open.delete(giveUp);
          this.#serve(ws);
        },
        // The manager waits no longer than it wants to, and says so to whoever asked.
        onFailed: () => this.#open.delete(giveUp),
      },
    );
    this.#open.add(giveUp);
  }

  /** Expects the manager's dial. False when too many are expected already. */
  expect(clusterId: string, nonce: string): boolean {
    const nowMs = performance.now();
    for (const [old, { untilMs }] of this.#expected) if (untilMs < nowMs) this.#expected.delete(old);
    if (this.#expected.size >= MAX_EXPECTED) return false;
    this.#expected.set(nonce, { clusterId, untilMs: nowMs + EXPECT_MS });
    return true;
  }

  /** A bulk socket has come in. One that is not expected, or of another key, is hung up on. */
  visited(visitor: Visitor): void {
    const expected = this.#expected.get(visitor.nonce);
    if (expected?.clusterId !== visitor.peer.peerId || expected.untilMs < performance.now()) {
      visitor.ws.terminate();
      return;
    }
    this.#expected.delete(visitor.nonce);
    visitor.settled();
    this.#serve(visitor.ws);
  }

  /** The control link has ended. */
  unlinked(): void {
    this.#expected.clear();
    for (const end of [...this.#open]) end();
    this.#open.clear();
  }

  #serve(ws: WebSocket): void {
    const end = serveBulk(ws, this.source);
    this.#open.add(end);
    ws.on("close", () => this.#open.delete(end));
  }
}
