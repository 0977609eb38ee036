/** Options that mean nothing in the role that was asked for are refused, never ignored. */
import type { Config } from "../config/config.ts";

/** What the process is going to be. */
export type RoleName = "ui" | "all" | "manager" | "worker";

/** Why these settings make no sense together, with the way out; undefined when they do. Pure. */
export function contradiction(config: Config, role: RoleName): string | undefined {
  const { manager, worker } = config;
  const hasWorker = role !== "manager" && manager.localWorker;
  if (role === "worker") return hasNoPort(config) ? NO_PORT : undefined;
  if (worker.join.address !== "" || worker.join.token !== "")
    return "--join is for a worker alone: `cube worker --join HOST:PORT`";
  if (manager.readOnly && role !== "ui")
    return "--read-only is for the screen: leave it out, or give it to `cube attach`";
  if (!hasWorker && worker.api.port !== null)
    return "--worker-port needs a worker in this process: leave --no-local-worker out";
  if (worker.bookApi && worker.api.port === null)
    return "--book-api is about the worker's own port: give --worker-port 5556 too";
  return undefined;
}

const NO_PORT = "--book-api is about the worker's own port, and with --join it has none: give --port 5556 too";

/** A worker that dials listens nowhere unless it is told to. */
function hasNoPort({ worker }: Config): boolean {
  return worker.bookApi && worker.join.address !== "" && worker.api.port === null;
}
