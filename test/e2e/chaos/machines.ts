// The cluster that chaos runs have: a manager and three nodes as test/e2e/real-cluster.ts has them, and what their faults need beside: engines with and
// without live-restore, small disks, clocks that can be moved, a relay before one node, foreign containers on each engine.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cubeBin } from "../../setup/cube-bin.ts";
import { TEST_IMAGE } from "../../setup/docker.ts";
import { Cube } from "../cube.ts";
import { type Machine, Network } from "../namespaces.ts";
import { PrivateEngine } from "../private-engine.ts";
import { CLOCKED_NODE, RELAYED_NODE, SMALL_DISK_NODE } from "./fault.ts";
import { LoopDisk } from "./loop-disk.ts";
import { MovedClock } from "./moved-clock.ts";
import { Relay } from "./relay.ts";

const MANAGER_PORT = 5555;
const WORKER_PORT = 5556;
const RELAY_PORT = 6001;
const DISK_BYTES = 256 * 2 ** 20;
const LOG_LINES = 25;

/** What a worker is told at its start. */
interface NodeOptions {
  readonly machine: Machine;
  readonly engine: PrivateEngine;
  readonly liveRestore: boolean;
  readonly tokenFile: string;
  /** HOST:PORT of the manager to dial; "" to wait for its dial. */
  readonly join: string;
  readonly disk: LoopDisk | null;
  readonly clock: MovedClock | null;
}

/** A machine with an engine and a worker. */
export class ChaosNode implements AsyncDisposable {
  readonly name: string;
  readonly machine: Machine;
  readonly engine: PrivateEngine;
  readonly liveRestore: boolean;
  readonly disk: LoopDisk | null;
  readonly clock: MovedClock | null;
  readonly #home = mkdtempSync(join(tmpdir(), "cube-node-"));
  readonly #options: NodeOptions;
  #child: Bun.Subprocess | null = null;

  constructor(name: string, options: NodeOptions) {
    this.name = name;
    this.machine = options.machine;
    this.engine = options.engine;
    this.liveRestore = options.liveRestore;
    this.disk = options.disk;
    this.clock = options.clock;
    this.#options = options;
  }

  get #data(): string {
    return this.disk?.directory ?? join(this.#home, "data");
  }

  /** Starts its worker, again too, and waits for nothing. */
  start(): void {
    const { tokenFile, join: manager, clock } = this.#options;
    const way = manager === "" ? ["--host", this.machine.address, "--port", String(WORKER_PORT)] : ["--join", manager];
    const flags = ["--data-dir", this.#data, "--name", this.name, "--join-token-file", tokenFile, ...way];
    const output = openSync(join(this.#home, "output"), "a");
    this.#child = Bun.spawn([...this.machine.enter, cubeBin(), "worker", ...flags], {
      cwd: this.#home,
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: this.#home,
        DOCKER_HOST: `unix://${this.engine.socket}`,
        ...clock?.env,
      },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    clock?.carriedBy(this.#child.pid);
  }

  /** Whether its worker's process is there. */
  get isAlive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends its worker a signal that it does not end by. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(name);
  }

  /** Ends its worker at once; its tasks are not asked. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = null;
  }

  /** The end of what its worker said. */
  log(): string {
    const files = [join(this.#home, "output"), join(this.#data, "cube.log")].map(tail);
    return [`--- ${this.name}`, ...files].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** The manager and its nodes. Dispose it with everything that it runs. */
export class ChaosCluster implements AsyncDisposable {
  readonly manager: Cube;
  readonly managerMachine: Machine;
  readonly managerDisk: LoopDisk;
  readonly managerClock: MovedClock;
  readonly nodes: readonly ChaosNode[];
  readonly relay: Relay;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    parts: Pick<ChaosCluster, "manager" | "managerMachine" | "managerDisk" | "managerClock" | "nodes" | "relay">,
    opened: AsyncDisposableStack,
  ) {
    this.manager = parts.manager;
    this.managerMachine = parts.managerMachine;
    this.managerDisk = parts.managerDisk;
    this.managerClock = parts.managerClock;
    this.nodes = parts.nodes;
    this.relay = parts.relay;
    this.#opened = opened;
  }

  /** One whose processes have been started; nobody waits for its nodes. */
  static async start(): Promise<ChaosCluster> {
    await using opening = new AsyncDisposableStack();
    const [managerClock, clock] = [opening.use(new MovedClock()), opening.use(new MovedClock())];
    const [managerDisk, disk] = [opening.use(new LoopDisk(DISK_BYTES)), opening.use(new LoopDisk(DISK_BYTES))];
    const network = opening.use(new Network());
    const managerMachine = network.machine("m");
    const machines = [network.machine("n1"), network.machine("n2"), network.machineBehindNat("n3")];
    const engines = await startEngines(opening, machines);
    const relayHost = network.machine("relay");
    const [near, far] = [`${relayHost.address}:${RELAY_PORT}`, `${machines[RELAYED_NODE]?.address}:${WORKER_PORT}`];
    const relay = opening.use(await Relay.start(relayHost, near, far));
    const dialled = machines.slice(0, 2).map(({ address }, i) => (i === RELAYED_NODE ? near : `${address}:5556`));
    const manager = opening.use(
      new Cube({
        enter: managerMachine.enter,
        role: "manager",
        dataDir: managerDisk.directory,
        env: managerClock.env,
        args: [
          ...["--host", managerMachine.address, "--port", String(MANAGER_PORT), "--workers", dialled.join(",")],
          // All nodes share one machine, whose measured load would let the default scheduler take any of them for all tasks: none may be empty.
          ...["--scheduler", "roundrobin"],
        ],
      }),
    );
    const nodes = machines.map((machine, index) =>
      opening.use(
        new ChaosNode(`n${index + 1}`, {
          machine,
          engine: engines[index] as PrivateEngine,
          liveRestore: hasLiveRestore(index),
          tokenFile: join(manager.home, ".config/cube/join-token"),
          join: index < dialled.length ? "" : `${managerMachine.address}:${MANAGER_PORT}`,
          disk: index === SMALL_DISK_NODE ? disk : null,
          clock: index === CLOCKED_NODE ? clock : null,
        }),
      ),
    );
    const parts = { manager, managerMachine, managerDisk, managerClock, nodes, relay };
    const cluster = new ChaosCluster(parts, opening.move());
    try {
      await cluster.startManager();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    for (const node of nodes) node.start();
    return cluster;
  }

  /** Starts the manager, again too, and waits for its first words; fails when it ends instead. */
  async startManager(...flags: string[]): Promise<void> {
    await this.manager.start(...flags);
    this.managerClock.carriedBy(this.manager.child?.pid ?? 0);
  }

  /** Whether the manager's process is there. */
  get managerIsAlive(): boolean {
    const { child } = this.manager;
    return child !== null && child.exitCode === null && child.signalCode === null;
  }

  /** The ends of everybody's logs. */
  logs(): string {
    const file = join(this.manager.dataDir, "cube.log");
    return ["--- manager", tail(file), ...this.nodes.map((node) => node.log())].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

/** n1 and n3: there the containers outlive their engine. */
function hasLiveRestore(node: number): boolean {
  return node !== RELAYED_NODE;
}

/** The body of a container that is none of Cube's. */
export const FOREIGN_BODY = {
  Image: TEST_IMAGE,
  Cmd: ["sleep", "100000"],
  HostConfig: { NetworkMode: "none" },
} as const;

/** All at once; those that came up are disposed of also when another did not. */
async function startEngines(opening: AsyncDisposableStack, machines: readonly Machine[]): Promise<PrivateEngine[]> {
  const starting = await Promise.allSettled(
    machines.map(({ enter }, index) =>
      PrivateEngine.startIn(enter, ...(hasLiveRestore(index) ? ["--live-restore"] : [])),
    ),
  );
  const engines: PrivateEngine[] = [];
  for (const each of starting) {
    if (each.status === "rejected") continue;
    const engine = each.value;
    opening.use(engine);
    // Before the engine goes: with live-restore its containers would outlive it.
    opening.defer(() => removeAll(engine));
    engines.push(engine);
  }
  for (const each of starting) if (each.status === "rejected") throw each.reason;
  return engines;
}

async function removeAll(engine: PrivateEngine): Promise<void> {
  if (!(await engine.answers())) await engine.start();
  for (const { id } of await engine.list()) await engine.remove(id);
}

function tail(file: string): string {
  try {
    return readFileSync(file, "utf8").split("\n").slice(-LOG_LINES).join("\n");
  } catch {
    return "";
  }
}
