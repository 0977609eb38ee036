/** Keeps one outgoing link: dials, and dials again with back-off when it is lost or was not to be had. Says what it is at, in words, for people. */
import type { WebSocket } from "ws";
import type { Address } from "../core/address.ts";
import type { Result } from "../core/failure.ts";
import type { Draw } from "../core/jitter.ts";
import { LASTING_MS } from "../protocol/link-times.ts";
import { backOffMs } from "../protocol/session.ts";
import { dial, type SeenPeer, type WayOut } from "./dial.ts";
import type { Identity } from "./identity.ts";

/** What a redialler needs to know and whom it tells. */
export interface RedialOptions {
  readonly to: Address & { readonly path: string };
  readonly identity: Identity;
  /** The only key to talk to, asked before each dial; null for whoever is there. A failure while it makes no sense to dial. */
  readonly pin: () => Result<string | null>;
  readonly wayOut?: WayOut;
  readonly draw: Draw;
  readonly onOpen: (ws: WebSocket, peer: SeenPeer) => void;
  /** Called when the reason changes, so that a peer that is long away fills no log. */
  readonly onProblem: (reason: string) => void;
}

/** Dials in vain after which the certificate is read anew, whatever the reason seemed to be. */
const REREAD_EVERY = 4;

/** Made by its owner, who says how each link that it was given has ended. */
export class Redialler {
  readonly #options: RedialOptions;
  #seen: SeenPeer | undefined;
  #failures = 0;
  #problem = "";
  #upSinceMs: number | null = null;
  #giveUp: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(options: RedialOptions) {
    this.#options = options;
    this.#dial();
  }

  /** Why there is no link; "" while there is one, or the first dial is under way. */
  get problem(): string {
    return this.#problem;
  }

  /** The link is up. */
  succeeded(): void {
    this.#upSinceMs = performance.now();
    this.#problem = "";
  }

  /** The link has ended; dials again after a wait. */
  ended(reason: string): void {
    if (this.#stopped) return;
    // A link that never lasts is no reason to hurry.
    if (this.#upSinceMs !== null && performance.now() - this.#upSinceMs > LASTING_MS) this.#failures = 0;
    this.#upSinceMs = null;
    if (reason !== this.#problem) {
      this.#problem = reason;
      this.#options.onProblem(reason);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dial(), backOffMs(this.#failures++, this.#options.draw));
  }

  /** Never dials again. A link that is up stays its owner's. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#giveUp?.();
  }

  #dial(): void {
    if (this.#stopped) return;
    const pin = this.#options.pin();
    if (!pin.ok) {
      this.ended(pin.failure.message);
      return;
    }
    const { to, identity, wayOut } = this.#options;
    const seen = this.#seen;
    this.#giveUp = dial(
      to,
      { identity, pin: pin.value, ...(seen ? { seen } : {}), ...(wayOut ? { wayOut } : {}) },
      {
        onOpen: (ws, peer) => {
          this.#seen = peer;
          this.#options.onOpen(ws, peer);
        },
        onFailed: (failure) => {
          // Its certificate may be another one by now; only then is it worth the step of reading it again.
          if (failure.kind === "denied" || this.#failures % REREAD_EVERY === REREAD_EVERY - 1) this.#seen = undefined;
          this.ended(failure.message);
        },
      },
    );
  }
}
