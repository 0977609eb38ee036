/** Workers that are linked, and addresses that are dialled, as a manager's links know them and tell of them. */
import type { WorkerTraits } from "../protocol/session-events.ts";
import type { SessionHost } from "./session-host.ts";

/** A worker that is linked now. */
export interface PeerInfo {
  readonly nodeId: string;
  readonly linkId: string;
  /** Host and port of the other end. */
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  /** null before the first answer to a ping. */
  readonly roundTripMs: number | null;
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  /** Version of the protocol that is spoken. */
  readonly protocol: number;
  /** The worker's own, from its hello; "" before. */
  readonly version: string;
}

/** An address that the manager dials. */
export interface DialledAddress {
  readonly address: string;
  /** "" before its first link. */
  readonly nodeId: string;
  readonly linked: boolean;
  /** Why there is no link; "" for none or not yet. */
  readonly problem: string;
}

/** A link that is up, with what carries it. */
export interface Peer {
  readonly nodeId: string;
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  readonly traits: WorkerTraits;
  readonly sinceMs: number;
  readonly host: SessionHost;
  version: string;
}

/** What others may know of a link. */
export function infoOf(linkId: string, { host, nodeId, address, dialledBy, sinceMs, version }: Peer): PeerInfo {
  return { nodeId, linkId, address, dialledBy, sinceMs, version, ...host.figures() };
}
