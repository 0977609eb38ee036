/** What the API needs beside the manager: the streams of tasks, which come from workers, and what main.ts knows of the process. Declared here, offered by main.ts. */
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
  /** Why the worker in this process does not do all that it should; "" for nothing. Left out where there is no worker. */
  readonly workerProblem?: () => string;
}

/** A line for the log; the API never writes to the screen. */
export type ApiLog = (level: "info" | "warn" | "error", text: string) => void;
