/** An API server over a fake manager for tests, and curl as the book's readers use it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagerInfo } from "../../src/api/ports.ts";
import { startApiServer } from "../../src/api/server.ts";
import { INFO } from "../contract/cluster-client-behind.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeStreams } from "../fakes/task-streams.ts";

export const TOKEN = "a-token-of-the-test";

/** Servers on free ports and in a directory of their own. */
export interface Served {
  readonly manager: FakeManager;
  readonly streams: FakeStreams;
  readonly logged: string[];
  readonly shutdowns: () => number;
  /** Base address with the token. */
  readonly url: string;
  readonly port: number;
  readonly socket: string;
  end(): Promise<void>;
}

/** Starts one; `token` null for none, `info` what its process knows of itself. */
export async function serve({
  token = TOKEN,
  info = INFO,
}: {
  readonly token?: string | null;
  readonly info?: ManagerInfo;
} = {}): Promise<Served> {
  const manager = new FakeManager();
  const streams = new FakeStreams();
  const logged: string[] = [];
  let shutdowns = 0;
  const directory = await mkdtemp(join(tmpdir(), "cube-api-"));
  const socket = join(directory, "cube.sock");
  const server = await startApiServer({
    access: manager,
    streams,
    info,
    onShutdown: () => shutdowns++,
    log: (level, text) => logged.push(`${level} ${text}`),
    unix: { path: socket, actor: "unix:me" },
    tcp: { host: "127.0.0.1", port: 0, token },
  });
  const end = async (): Promise<void> => {
    await server.close();
    await rm(directory, { recursive: true });
  };
  const url = `http://127.0.0.1:${server.port}`;
  return { manager, streams, logged, shutdowns: () => shutdowns, url, port: server.port, socket, end };
}

/** What curl printed. */
export interface CurlAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Runs the real curl with these arguments. */
export async function curl(...args: string[]): Promise<CurlAnswer> {
  const run = Bun.spawn(["curl", "-s", "-S", "--noproxy", "*", "-w", "\n%{http_code} %{content_type}", ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, problem] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  const [, body = "", status = "0", type = ""] = /^([\s\S]*)\n(\d{3}) (.*)$/.exec(out) ?? [];
  if (status === "0") throw new Error(`curl gave no answer: ${problem}`);
  return { status: Number(status), type, body };
}

/** Asks with the token. */
export function ask(served: Served, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${TOKEN}`, ...(init.headers as Record<string, string> | undefined) };
  return fetch(served.url + path, { ...init, headers });
}
