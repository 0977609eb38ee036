// One Cube as a user has it: the compiled executable with a home, a data directory and ports of its own, started, asked, killed
// and started again. Whatever a test leaves running is ended at disposal: processes by their ids, containers by the node's label.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventResource, ManagerResource, NodeResource, TaskResource } from "../../src/client/resources.ts";
import { loadIdentity } from "../../src/transport/identity.ts";
import { cubeBin } from "../setup/cube-bin.ts";
import { Tty, type TtyOptions } from "../terminal/tty.ts";
import { type Container, Engine, NODE_LABEL } from "./engine.ts";
import { until } from "./until.ts";

/** What a command gave. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is particular to one Cube. */
export interface CubeOptions {
  /** Flags of every start. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly engine?: Engine;
  /** Its data directory; without it one below its home. */
  readonly dataDir?: string;
  /** Commands before the executable of the headless process, such as one that enters a namespace. */
  readonly enter?: readonly string[];
  /** What the headless process is; "all" when left out. */
  readonly role?: "all" | "manager";
  /** The executable of the headless process; the tests' own when left out. */
  readonly bin?: string;
}

/** A process that was started. */
type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

/** A Cube with everything that belongs to it. Dispose it with `await using`. */
export class Cube implements AsyncDisposable {
  readonly home: string;
  readonly dataDir: string;
  readonly engine: Engine;
  /** TCP port of the newest start. */
  port = 0;
  /** The newest headless process. */
  child: Child | null = null;
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #enter: readonly string[];
  readonly #role: string;
  readonly #bin: string | undefined;
  readonly #screens: Tty[] = [];
  readonly #children: Child[] = [];

  constructor(options: CubeOptions = {}) {
    this.home = mkdtempSync(join(tmpdir(), "cube-e2e-"));
    this.dataDir = options.dataDir ?? join(this.home, "data");
    this.engine = options.engine ?? new Engine();
    this.#args = options.args ?? [];
    this.#env = options.env ?? {};
    this.#enter = options.enter ?? [];
    this.#role = options.role ?? "all";
    this.#bin = options.bin;
  }

  /** A headless one that answers. */
  static async start(options: CubeOptions = {}): Promise<Cube> {
    const cube = new Cube(options);
    try {
      await cube.start();
    } catch (error) {
      await cube[Symbol.asyncDispose]();
      throw error;
    }
    return cube;
  }

  /** The environment of its commands. */
  get env(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      LANG: "C.UTF-8",
      HOME: this.home,
      CUBE_DATA_DIR: this.dataDir,
      DOCKER_HOST: `unix://${this.engine.socket}`,
      ...this.#env,
    };
  }

  /** Starts manager and worker without a screen and waits until they answer; fails with what they said instead. */
  async start(...args: string[]): Promise<void> {
    const child = this.spawn(...args);
    const said = await firstLine(child);
    const port = /:(\d+)$/m.exec(said)?.[1];
    if (port === undefined) throw new Error(`cube did not start: ${said}${await new Response(child.stderr).text()}`);
    this.port = Number(port);
  }

  /** Starts it and waits for nothing. */
  spawn(...args: string[]): Child {
    const child = Bun.spawn(
      [...this.#enter, this.#bin ?? cubeBin(), ...this.flags, "--headless", this.#role, ...args],
      {
        cwd: this.home,
        env: this.env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.child = child;
    this.#children.push(child);
    return child;
  }

  /** A start that is expected to fail: what it said, and how it ended. */
  async fails(...args: string[]): Promise<Outcome> {
    return outcomeOf(this.spawn(...args));
  }

  /** The flags of every start. */
  get flags(): string[] {
    return ["--data-dir", this.dataDir, "--port", "0", ...this.#args];
  }

  /** Ends the headless process by a signal and waits for its end. */
  async end(signal: "SIGKILL" | "SIGTERM" = "SIGTERM"): Promise<number | null> {
    this.child?.kill(signal);
    await this.child?.exited;
    return this.child?.exitCode ?? null;
  }

  /** The UI in a terminal, with a manager of its own or attached to the one that runs. */
  screen(options: TtyOptions & { readonly args?: readonly string[] } = {}): Tty {
    const { args = this.flags, env, ...rest } = options;
    const tty = new Tty([cubeBin(), ...args], { ...rest, cwd: this.home, env: { ...this.env, ...env } });
    this.#screens.push(tty);
    return tty;
  }

  /** A command that goes on until it is ended, with its output to read. */
  follow(...args: readonly string[]): Child {
    const child = Bun.spawn([cubeBin(), ...args], {
      cwd: this.home,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    return child;
  }

  /** Runs a command to its end. */
  async cli(...args: readonly string[]): Promise<Outcome> {
    return this.cliWith({}, ...args);
  }

  /** Runs a command with a standard input or variables of its own. */
  async cliWith(
    given: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
    ...args: readonly string[]
  ): Promise<Outcome> {
    return outcomeOf(
      Bun.spawn([cubeBin(), ...args], {
        cwd: this.home,
        env: { ...this.env, ...given.env },
        stdin: given.input === undefined ? "ignore" : new Blob([given.input]),
        stdout: "pipe",
        stderr: "pipe",
      }),
    );
  }

  /** Runs a command that must succeed; its standard output without the last line end. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args);
    if (code !== 0) throw new Error(`cube ${args.join(" ")}: exit code ${code}\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  /** Runs a command that must succeed and print JSON. */
  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, "--json")) as T;
  }

  /** A request to the versioned API on the socket. */
  async api(path: string, init: { readonly method?: string; readonly body?: string } = {}): Promise<Response> {
    return fetch(`http://localhost${path}`, {
      unix: join(this.dataDir, "cube.sock"),
      headers: { "Content-Type": "application/json" },
      signal: AbortSignal.timeout(20_000),
      ...init,
    });
  }

  /** The newest attempt of every slot. */
  async tasks(): Promise<TaskResource[]> {
    return this.#items<TaskResource>("/v1/tasks");
  }

  async nodes(): Promise<NodeResource[]> {
    return this.#items<NodeResource>("/v1/nodes");
  }

  /** All events that are kept and say something, oldest first. */
  async events(): Promise<EventResource[]> {
    const lines = (await this.ok("events", "--since", "0", "--json")).split("\n");
    return lines.map((line) => JSON.parse(line) as EventResource).filter(({ text }) => text !== "");
  }

  async manager(): Promise<ManagerResource> {
    return (await (await this.api("/v1/manager")).json()) as ManagerResource;
  }

  /** Waits until the newest attempt of a job's only task is so; gives it. */
  async task(name: string, wanted: (task: TaskResource) => boolean, what: string): Promise<TaskResource> {
    let last: TaskResource | undefined;
    return until(
      `${name}: ${what}`,
      async () => {
        last = (await this.tasks()).find((task) => task.name === name);
        return last !== undefined && wanted(last) ? last : undefined;
      },
      { onFailure: () => `${JSON.stringify(last, null, 1)}\n${this.log()}` },
    );
  }

  /** Runs a task that ends by itself and waits until it is complete. */
  async complete(name: string, ...args: readonly string[]): Promise<TaskResource> {
    await this.ok("run", "--name", name, ...args);
    return this.state(name, "complete");
  }

  /** Waits until a task is in a state. */
  state(name: string, state: TaskResource["state"]): Promise<TaskResource> {
    return this.task(name, (task) => task.state === state, state);
  }

  /** The containers of this Cube's node, dead ones too. */
  async containers(): Promise<Container[]> {
    return this.engine.containers(`${NODE_LABEL}=${this.nodeId()}`);
  }

  /** Its node's id; "none" before its first start. Kept, because a test may take the data directory away. */
  nodeId(): string {
    const file = join(this.dataDir, "worker.key");
    if (this.#node === "none" && existsSync(file)) {
      const id = loadIdentity(file);
      if (id.ok) this.#node = id.value;
    }
    return this.#node;
  }
  #node = "none";

  /** The end of its log, for messages. */
  log(): string {
    const file = join(this.dataDir, "cube.log");
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-15).join("\n") : "";
  }

  async #items<T>(path: string): Promise<T[]> {
    const answer = await this.api(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { items: T[] }).items;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const screen of this.#screens) await screen.end();
    for (const child of this.#children) {
      child.kill("SIGKILL");
      await child.exited;
    }
    for (const pid of this.pids()) endProcess(pid);
    await this.#removeContainers();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Looked for until twice none was there: the engine may still be busy with what a killed Cube has asked for. */
  async #removeContainers(): Promise<void> {
    for (let empty = 0; empty < 2; ) {
      const left = (await this.engine.answers()) ? await this.containers() : [];
      for (const { id } of left) await this.engine.remove(id);
      empty = left.length === 0 ? empty + 1 : 0;
    }
  }

  /** Processes that belong to this Cube, known by where they work: managers in the background, and tasks that are plain processes. */
  pids(): number[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry) && this.#worksHere(entry))
      .map(Number);
  }

  #worksHere(pid: string): boolean {
    try {
      const folder = readlinkSync(`/proc/${pid}/cwd`);
      return [this.home, this.dataDir].some((own) => folder === own || folder.startsWith(`${own}/`));
    } catch {
      return false;
    }
  }
}

/** Makes a folder below a Cube's home, with the parents it needs. */
export function folderIn(cube: Cube, name: string): string {
  const folder = join(cube.home, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

async function firstLine(child: Child): Promise<string> {
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (value !== undefined) text += decoder.decode(value, { stream: true });
    if (done || text.includes("\n")) break;
  }
  reader.releaseLock();
  return text.split("\n")[0] ?? "";
}

async function outcomeOf(child: Bun.Subprocess<"ignore" | Blob, "pipe", "pipe">): Promise<Outcome> {
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
