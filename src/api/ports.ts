/** What the API needs beside the manager: the streams of tasks, which come from workers, and what main.ts knows of the process. Declared here, offered by main.ts. */
import type { DialledResource } from "../client/resources.ts";
import type { Result } from "../core/failure.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery } from "../worker/ports.ts";

/** Output, commands and the engine's view of tasks, wherever they run. */
export interface TaskStreams {
  /** Ends with the output, or on abort. An error thrown on the way is shown to the reader in its words. */
  logs(nodeId: string, taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
  exec(nodeId: string, taskId: string, request: ExecRequest): Promise<Result<ExecSession>>;
  /** The engine's own inspect object. */
  inspectRaw(nodeId: string, taskId: string): Promise<Result<unknown>>;
}

/** A link as the manager sees it. */
export interface NodePeer {
  /** Host and port of the other end. */
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  /** null before the first answer to a ping. */
  readonly roundTripMs: number | null;
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  readonly protocol: number;
}

/** Links to nodes elsewhere: who may join, and whom the manager dials. */
export interface NodeLinks {
  joinToken(): string;
  /** Another token: those handed out before are void, nodes that have joined stay. */
  renewJoinToken(): Result<string>;
  /** HOST:PORT of this manager as other machines find it; none while it listens on loopback. */
  addresses(): readonly string[];
  /** Dials HOST:PORT from now on, also after a restart; what is dialled already stays as it is. Fails with `invalid`, or with `transient` when that cannot be kept. */
  dial(address: string): Result<DialledResource>;
  /** Dials it no more, and gives it as it was. Fails with `not_found` for one that was not dialled. */
  undial(address: string): Result<DialledResource>;
  /** By address. */
  dialled(): readonly DialledResource[];
  /** null for a node without a link, and for the worker in the manager's process. */
  peer(nodeId: string): NodePeer | null;
  /** The node was taken out of the cluster: its link ends, and addresses at which it was found and that nobody configured are dialled no more. */
  removed(nodeId: string): void;
}

/** What the manager's process knows of itself and the machine cannot. */
export interface ManagerInfo {
  /** The machine's host name, for people. */
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  /** Wall clock, ms since 1970. */
  readonly startedMs: number;
  readonly dataDir: string;
  /** The cluster's wall clock where it is not this machine's, as in a simulation; ms since 1970. */
  readonly wallMs?: () => number;
  /** Why the worker in this process does not do all that it should; "" for nothing. Left out where there is no worker. */
  readonly workerProblem?: () => string;
}

/** A line for the log; the API never writes to the screen. */
export type ApiLog = (level: "info" | "warn" | "error", text: string) => void;
