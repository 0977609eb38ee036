/** What the session of a link is told and what it asks for: plain data, shared by the machine in session.ts and its host. */
import type { ManagerIdentity, ManagerMessage, SessionMessage, WorkerMessage } from "./messages.ts";

/** What a worker is told apart by, beyond its key. */
export interface WorkerTraits {
  readonly machineId: string;
  readonly processId: string;
}

/** Which end this is, and what it brings along. */
export type SessionRole =
  | {
      readonly kind: "manager";
      readonly manager: ManagerIdentity | null;
      /** What is on record of the peer; null for a key that is not known. */
      readonly known: { readonly machineId: string } | null;
      /** What the worker is given to keep; left out for nothing. Secret. */
      readonly membership?: string;
    }
  | ({
      readonly kind: "worker";
      /** Whose orders it takes: the cluster id of the pin or of the join token; null for none yet. */
      readonly clusterId: string | null;
      /** Why this manager is not to be followed, in words; null when it is. Pure. */
      readonly judge?: (manager: ManagerIdentity) => string | null;
    } & WorkerTraits);

/** Waits of a session, in milliseconds. */
export interface SessionTimes {
  /** For the greeting to be over. */
  readonly greetingMs: number;
  /** Between pings. A peer of which nothing was heard from one ping to the next is gone. */
  readonly pingMs: number;
}

/** 5 s each: a link that carries nothing is noticed after 5 to 10 s. */
export const SESSION_TIMES: SessionTimes = { greetingMs: 5_000, pingMs: 5_000 };

/** What both ends' proofs are made over, beside the secret. */
export interface ProofInput {
  readonly peerId: string;
  readonly managerNonce: string;
  readonly workerNonce: string;
}

/** What happens on a link. */
export type SessionEvent =
  /** The socket is open. `peerId`: digest of the peer's key, as TLS has proved it. `nonce`: fresh. */
  | { readonly kind: "opened"; readonly peerId: string; readonly nonce: string }
  | { readonly kind: "frame"; readonly frame: SessionMessage | WorkerMessage | ManagerMessage }
  /** A frame that is none. */
  | { readonly kind: "garbage"; readonly reason: string }
  /** The answer to `prove`; null without a token. `membership`: the proof of having joined before; left out without. */
  | { readonly kind: "proved"; readonly mac: string | null; readonly membership?: string }
  /** The answer to `check`. `refusal`: instead of the usual words. */
  | { readonly kind: "checked"; readonly right: boolean; readonly refusal?: string }
  /** The answer to `admit`: "" or why not. */
  | { readonly kind: "admitted"; readonly refusal: string }
  /** Something was heard of the peer: a pong, or part of a message. */
  | { readonly kind: "heard" }
  | { readonly kind: "timer" }
  /** To be sent by the owner. `waitingBytes`: what the socket has not taken yet. */
  | { readonly kind: "send"; readonly what: "heartbeat" | "other"; readonly waitingBytes: number }
  | { readonly kind: "closed" };

/** What the host is to do, in order. */
export type SessionEffect =
  | { readonly kind: "send"; readonly frame: SessionMessage }
  /** Digest the join token over this; answered by `proved`. Worker only. */
  | ({ readonly kind: "prove" } & ProofInput)
  /** Compare the worker's digest with one's own; answered by `checked`. Manager only. */
  | ({ readonly kind: "check"; readonly mac: string; readonly membership?: string } & ProofInput)
  /** Is another link of this worker there? Answered by `admitted`. Manager only. */
  | { readonly kind: "admit"; readonly peerId: string; readonly traits: WorkerTraits }
  /** The session is up. `enrolled`: a proof was needed for it. `membership`: to be kept by a worker. */
  | { readonly kind: "up"; readonly protocol: number; readonly enrolled: boolean; readonly membership?: string }
  | { readonly kind: "deliver"; readonly frame: SessionMessage | WorkerMessage | ManagerMessage }
  /** The message of the `send` event goes out. */
  | { readonly kind: "pass" }
  | { readonly kind: "ping" }
  /** Replaces the timer before. */
  | { readonly kind: "arm"; readonly afterMs: number }
  /** `refused`: a person should know. A link that is closed is never used again. */
  | { readonly kind: "close"; readonly reason: string; readonly refused: boolean };
