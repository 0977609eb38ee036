/**
 * Cube as its users have it: the compiled executable, copied away from the checkout, with default flags and a data directory of its own, and a client on its
 * socket. Whatever it started is gone after disposal, also when the benchmark breaks off.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { EventResource, JobResource, NodeResource } from "../../src/client/resources.ts";
import { containersOf, jobRequest, type Load, removeNode } from "./engine.ts";

const BUILT = resolve(import.meta.dir, "../../dist/cube");
const LOOK_MS = 20;
const PATIENCE_MS = 60_000;

/** A directory of its own with a copy of the executable in it; both go at the end. */
export class CubeCopy implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "cube-bench-"));
  readonly executable = join(this.directory, "cube");

  /** Copies `built`, or what the build script made. */
  constructor(built = BUILT) {
    if (!existsSync(built)) throw new Error(`${built} is missing: build it with \`bun scripts/build.ts\``);
    copyFileSync(built, this.executable);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A running `cube` with manager and worker, and all that its tasks leave behind. */
export class RunningCube implements AsyncDisposable {
  readonly pid: number;
  readonly nodeId: string;
  readonly #processes: readonly Bun.Subprocess[];
  readonly #socket: string;

  private constructor(processes: readonly Bun.Subprocess[], socket: string, nodeId: string) {
    this.#processes = processes;
    this.pid = processes[0]?.pid ?? 0;
    this.#socket = socket;
    this.nodeId = nodeId;
  }

  /** Starts it without a screen, or in a terminal of 120 by 40 cells, and waits until its node is ready. */
  static async start(copy: CubeCopy, screen: boolean): Promise<RunningCube> {
    const dataDir = mkdtempSync(join(copy.directory, "data-"));
    const flags = ["--data-dir", dataDir, "--port", "0"];
    const env = { ...process.env, TERM: "xterm-256color" };
    const child = screen
      ? Bun.spawn([copy.executable, ...flags], { env, terminal: { cols: 120, rows: 40, data: () => {} } })
      : Bun.spawn([copy.executable, "--headless", "all", ...flags], { env, stdout: "ignore", stderr: "inherit" });
    const socket = join(dataDir, "cube.sock");
    try {
      return new RunningCube([child], socket, (await readyNode(socket)).id);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  /** Starts a manager, and in a process of its own a worker that dials it over TLS on this machine's loopback; waits until the node is ready. */
  static async startLinked(copy: CubeCopy): Promise<RunningCube> {
    const home = mkdtempSync(join(copy.directory, "linked-"));
    const { XDG_CONFIG_HOME: _, XDG_STATE_HOME: __, ...inherited } = process.env;
    const env = { ...inherited, HOME: home };
    const run = (role: "manager" | "worker", ...flags: string[]) =>
      Bun.spawn([copy.executable, role, "--data-dir", join(home, role), ...flags], {
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
    const manager = run("manager", "--port", "0");
    const children = [manager];
    try {
      const port = await portOf(manager.stdout);
      const token = join(home, ".config/cube/join-token");
      children.push(run("worker", "--join", `127.0.0.1:${port}`, "--join-token-file", token));
      const socket = join(home, "manager/cube.sock");
      return new RunningCube(children, socket, (await readyNode(socket)).id);
    } catch (error) {
      for (const child of children) child.kill("SIGKILL");
      throw error;
    }
  }

  /** Opens `/v1/events`; every event from now on is handed over as it arrives. */
  async events(onEvent: (event: EventResource) => void): Promise<AsyncDisposable> {
    const abort = new AbortController();
    const response = await fetch("http://localhost/v1/events?stream=true", {
      unix: this.#socket,
      headers: { accept: "text/event-stream" },
      signal: abort.signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(`/v1/events says ${response.status}`);
    const reading = readEvents(response.body, onEvent).catch(() => undefined);
    return {
      [Symbol.asyncDispose]: async () => {
        abort.abort();
        await reading;
      },
    };
  }

  /** Posts a job of equal tasks; its id. */
  async submit(name: string, load: Load): Promise<string> {
    return (await ask<{ job: JobResource }>(this.#socket, "POST", "/v1/jobs", jobRequest(name, load))).job.id;
  }

  /** Ends a job and waits until the engine holds nothing of this node any more. */
  async remove(jobId: string): Promise<void> {
    await ask(this.#socket, "DELETE", `/v1/jobs/${jobId}`);
    await until(async () => (await containersOf(this.nodeId)).length === 0);
  }

  /** Time on the CPU so far, of all processes and threads, ms. */
  cpuMs(): number {
    return this.#processes.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map(end));
    await removeNode(this.nodeId);
  }
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS / 6);
  await child.exited;
  clearTimeout(late);
  child.terminal?.close();
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // proc(5): utime and stime are fields 14 and 15, in clock ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The port in the first line that a manager prints. */
async function portOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stdout) {
    said += decoder.decode(chunk, { stream: true });
    const port = /:(\d+)$/m.exec(said.slice(0, said.lastIndexOf("\n")))?.[1];
    if (port !== undefined) return port;
  }
  throw new Error(`the manager did not start: ${said}`);
}

/** Ends what was opened, also when a signal breaks the benchmark off: no container stays behind. */
export async function closing(act: (opened: AsyncDisposableStack) => Promise<void>): Promise<void> {
  await using opened = new AsyncDisposableStack();
  let ending: Promise<void> | undefined;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      ending = opened.disposeAsync().finally(() => process.exit(1));
    });
  }
  try {
    await act(opened);
  } catch (error) {
    // What was under way fails for what has been taken from it; that must not end the process before all is closed.
    await ending;
    throw error;
  }
}

/** Asks again and again until there is an answer. */
export async function until<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error("it did not come within a minute");
    await Bun.sleep(LOOK_MS);
  }
}

function readyNode(socket: string): Promise<NodeResource> {
  return until(async () => {
    const found = await ask<{ items: readonly NodeResource[] }>(socket, "GET", "/v1/nodes").catch(() => null);
    return found?.items.find((one) => one.state === "ready");
  });
}

async function ask<T>(socket: string, method: string, path: string, body?: unknown): Promise<T> {
  const json =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`http://localhost${path}`, { method, unix: socket, ...json });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}

async function readEvents(body: ReadableStream<Uint8Array>, onEvent: (event: EventResource) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data !== undefined) onEvent(JSON.parse(data.slice("data: ".length)) as EventResource);
    }
  }
}
