// A cluster as a user has it, on a network of its own: a manager and three nodes, each a machine with a container engine and the compiled
// executable. n1 and n2 wait for the manager's dial, n3 lies behind NAT and dials. Starting it takes seconds, so tests share one.
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeResource, TaskResource } from "../../src/client/resources.ts";
import { cubeBin } from "../setup/cube-bin.ts";
import { TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { type Container, NODE_LABEL } from "./engine.ts";
import { type Machine, Network } from "./namespaces.ts";
import { PrivateEngine } from "./private-engine.ts";
import { until } from "./until.ts";

const MANAGER_PORT = 5555;
const WORKER_PORT = 5556;

/** What a worker is told at its start. */
interface WorkerOptions {
  readonly machine: Machine;
  readonly engine: PrivateEngine;
  readonly tokenFile: string;
  /** HOST:PORT of the manager to dial; "" to wait for its dial. */
  readonly join: string;
  /** The executable; the tests' own when left out. */
  readonly bin?: string;
}

/** What is particular to a cluster. */
export interface ClusterPlan {
  /** Of the engines. */
  readonly engineFlags?: readonly string[];
  /** Variables of the manager's process alone, and not of the commands. */
  readonly managerEnv?: Readonly<Record<string, string>>;
  /** The executable of all roles; the tests' own when left out. */
  readonly bin?: string;
  /** Called when the machines are there and nobody has said a word. What is to be closed at the end goes onto the stack. */
  readonly before?: (network: Network, opened: AsyncDisposableStack) => Promise<unknown>;
}

/** A machine with an engine and a worker. */
export class ClusterNode implements AsyncDisposable {
  readonly name: string;
  readonly machine: Machine;
  readonly engine: PrivateEngine;
  readonly home = mkdtempSync(join(tmpdir(), "cube-node-"));
  readonly #options: WorkerOptions;
  #child: Bun.Subprocess | null = null;

  constructor(name: string, options: WorkerOptions) {
    this.name = name;
    this.machine = options.machine;
    this.engine = options.engine;
    this.#options = options;
  }

  get dataDir(): string {
    return join(this.home, "data");
  }

  /** Where its key lies; its certificate beside it. */
  get keys(): string {
    return join(this.dataDir, "worker");
  }

  /** Starts its worker, again too, and waits for nothing. `manager`: another way to it than before, as HOST:PORT. */
  start(manager = this.#options.join): void {
    const { bin = cubeBin() } = this.#options;
    const tokenFile = join(this.home, "join-token");
    // As a person copies it there: once.
    if (!existsSync(tokenFile)) cpSync(this.#options.tokenFile, tokenFile);
    const way = manager === "" ? ["--host", this.machine.address, "--port", String(WORKER_PORT)] : ["--join", manager];
    const flags = ["--data-dir", this.dataDir, "--name", this.name, "--join-token-file", tokenFile, ...way];
    const output = openSync(join(this.home, "output"), "a");
    this.#child = Bun.spawn([...this.machine.enter, bin, "worker", ...flags], {
      cwd: this.home,
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: this.home,
        DOCKER_HOST: `unix://${this.engine.socket}`,
      },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
  }

  /** Ends its worker, at once when nothing else is said; its tasks are not asked. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.#child?.kill(signal);
    await this.#child?.exited;
    this.#child = null;
  }

  /** Cube's containers on its engine that run. */
  async running(): Promise<Container[]> {
    return (await this.engine.containers(NODE_LABEL)).filter((container) => container.running);
  }

  /** The end of what its worker said, for messages. */
  log(): string {
    const lines = (file: string) => readFileSync(join(this.home, file), { encoding: "utf8", flag: "a+" }).split("\n");
    mkdirSync(this.dataDir, { recursive: true });
    return [`--- ${this.name}`, ...lines("output").slice(-5), ...lines("data/cube.log").slice(-12)].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** The manager and its nodes. Dispose it with everything that it runs. */
export class RealCluster implements AsyncDisposable {
  readonly network: Network;
  readonly manager: Cube;
  readonly nodes: readonly ClusterNode[];
  readonly #opened: AsyncDisposableStack;

  private constructor(opened: AsyncDisposableStack, network: Network, manager: Cube, nodes: readonly ClusterNode[]) {
    this.#opened = opened;
    this.network = network;
    this.manager = manager;
    this.nodes = nodes;
  }

  /** One whose nodes are all ready. */
  static async start(plan: ClusterPlan = {}): Promise<RealCluster> {
    await using opening = new AsyncDisposableStack();
    const network = opening.use(new Network());
    const machines = [
      network.machine("m"),
      network.machine("n1"),
      network.machine("n2"),
      network.machineBehindNat("n3"),
    ];
    const [home, ...others] = machines as [Machine, ...Machine[]];
    await plan.before?.(network, opening);
    const engines = await startEngines(opening, others, plan.engineFlags ?? []);
    const bin = plan.bin === undefined ? {} : { bin: plan.bin };
    const dialled = others.slice(0, 2).map(({ address }) => `${address}:${WORKER_PORT}`);
    const manager = opening.use(
      new Cube({
        enter: [...home.enter, ...variables(plan.managerEnv ?? {})],
        role: "manager",
        ...bin,
        args: ["--host", home.address, "--port", String(MANAGER_PORT), "--workers", dialled.join(",")],
      }),
    );
    const nodes = others.map((machine, index) => {
      const join_ = index < dialled.length ? "" : `${home.address}:${MANAGER_PORT}`;
      const tokenFile = join(manager.home, ".config/cube/join-token");
      return new ClusterNode(`n${index + 1}`, {
        machine,
        engine: engines[index] as PrivateEngine,
        tokenFile,
        join: join_,
        ...bin,
      });
    });
    for (const node of nodes) opening.use(node);
    await manager.start();
    for (const node of nodes) node.start();
    const cluster = new RealCluster(opening.move(), network, manager, nodes);
    try {
      await cluster.ready();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** A worker more, on a machine of its own and with the engine of another node, not started yet. It counts for nothing that waits for "all nodes". */
  worker(name: string, machine: Machine, join_ = ""): ClusterNode {
    const { engine } = this.node("n1");
    return this.#opened.use(new ClusterNode(name, { machine, engine, tokenFile: this.tokenFile, join: join_ }));
  }

  /** Where the manager leaves the join token for workers of the same user. */
  get tokenFile(): string {
    return join(this.manager.home, ".config/cube/join-token");
  }

  /** Where workers dial the manager. */
  get address(): string {
    return `${this.network.machines[0]?.address}:${MANAGER_PORT}`;
  }

  /** A node by its name. */
  node(name: string): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    if (!found) throw new Error(`there is no node ${name}`);
    return found;
  }

  /** Waits until all nodes are ready and can take tasks. */
  async ready(): Promise<void> {
    await this.nodesAre("all nodes are ready", (nodes) => nodes.length === this.nodes.length && nodes.every(isReady));
  }

  /** Waits until the manager, that has just started or woken, judges its nodes again. */
  async untilSettled(): Promise<void> {
    await this.until("the manager has settled", async () => (await this.manager.manager()).caution === undefined);
  }

  /** Waits until the manager's view of the nodes is so. */
  async nodesAre(what: string, wanted: (nodes: readonly NodeResource[]) => boolean): Promise<void> {
    await this.until(what, async () => wanted(await this.manager.nodes()));
  }

  /** Waits until one node is in this state. */
  async nodeIs(name: string, state: NodeResource["state"]): Promise<void> {
    await this.nodesAre(`${name} is ${state}`, (nodes) => nodes.find((node) => node.name === name)?.state === state);
  }

  /** Submits a job of equal tasks that run until they are stopped. */
  async submit(request: Readonly<Record<string, unknown>> & { readonly name: string }): Promise<void> {
    const task = { image: TEST_IMAGE, command: ["sleep", "10000"], restart: "always", stopSignal: "SIGKILL" };
    const body = JSON.stringify({ ...task, privileges: { network: "none" }, ...request });
    const answer = await this.manager.api("/v1/jobs", { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Submits it while only that node may take tasks, and waits until it runs: later it may go anywhere. */
  async placeOn(
    name: string,
    request: Parameters<RealCluster["submit"]>[0] & { readonly count?: number },
  ): Promise<void> {
    const others = this.nodes.filter((node) => node.name !== name).map((node) => node.name);
    await this.manager.ok("node", "cordon", ...others);
    await this.submit(request);
    await this.running(request.name, request.count ?? 1);
    await this.manager.ok("node", "uncordon", ...others);
  }

  /** What runs on all engines, as "node container id start": the same text means that nothing was started, stopped or moved. */
  async everything(): Promise<string[]> {
    const found = await Promise.all(
      this.nodes.map(async (node) =>
        (await node.running()).map(({ name, id, startedAt }) => `${node.name} ${name} ${id} ${startedAt}`),
      ),
    );
    return found.flat().sort();
  }

  /** The newest attempts of a job, by slot. */
  async tasksOf(job: string): Promise<TaskResource[]> {
    const tasks = await this.manager.tasks();
    return tasks.filter(({ name }) => name === job || name.startsWith(`${job}.`)).sort((a, b) => a.slot - b.slot);
  }

  /** Waits until so many newest attempts of a job run; gives them. */
  async running(job: string, count: number): Promise<TaskResource[]> {
    return this.until(`${count} of ${job} run`, async () => {
      const tasks = (await this.tasksOf(job)).filter(({ state }) => state === "running");
      return tasks.length === count && tasks;
    });
  }

  /** Cube's running containers of a job without a dash in its name, on all engines, as "node container". */
  async containersOf(job: string): Promise<string[]> {
    const found = await Promise.all(
      this.nodes.map(async (node) => (await node.running()).map((container) => `${node.name} ${container.name}`)),
    );
    return found
      .flat()
      .filter((line) => /^cube-([^-]+)/.exec(line.split(" ")[1] ?? "")?.[1] === job)
      .sort();
  }

  /** Removes a job and waits until no engine has anything of it. */
  async remove(job: string): Promise<void> {
    await this.manager.ok("rm", job);
    await this.until(`${job} is gone`, async () => {
      return (await this.tasksOf(job)).length === 0 && (await this.containersOf(job)).length === 0;
    });
  }

  /** Waits with everybody's logs at hand for the failure. */
  until<T>(what: string, ask: () => Promise<T | undefined | false>, limitMs = 30_000): Promise<T> {
    const onFailure = () => [this.manager.log(), ...this.nodes.map((node) => node.log())].join("\n");
    return until(what, ask, { limitMs, onFailure });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

/** Before a command, to give it variables. */
function variables(env: Readonly<Record<string, string>>): string[] {
  return ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
}

/** A node's state outlives its manager, its link does not. */
function isReady({ state, dialledBy, runtimes }: NodeResource): boolean {
  return (
    state === "ready" &&
    dialledBy !== undefined &&
    runtimes.some(({ kind, problem }) => kind === "docker" && problem === "")
  );
}

/** All at once; those that came up are disposed of also when another did not. */
async function startEngines(
  opening: AsyncDisposableStack,
  machines: readonly Machine[],
  flags: readonly string[],
): Promise<PrivateEngine[]> {
  const starting = await Promise.allSettled(machines.map(({ enter }) => PrivateEngine.startIn(enter, ...flags)));
  const engines = starting.flatMap((each) => (each.status === "fulfilled" ? [opening.use(each.value)] : []));
  for (const each of starting) if (each.status === "rejected") throw each.reason;
  return engines;
}
