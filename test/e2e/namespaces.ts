// Machines of a network of our own: each a network namespace with one interface, joined by a bridge that has a namespace of its own too,
// so that the machine's own network never changes. One machine may lie behind NAT: it reaches the others, nobody reaches it. Needs root.
import { existsSync } from "node:fs";

/** What of a machine's traffic is lost: what it should hear, what it says, or both. */
export type Cut = "deaf" | "mute" | "both";

const PREFIX = "10.77.0";
const INNER = "192.168.77";

/** One machine of the network. */
export class Machine {
  readonly address: string;
  /** Before a command that is to run there. It enters the network only: files and processes are the machine's that runs the tests. */
  readonly enter: readonly string[];
  readonly namespace: string;

  constructor(namespace: string, address: string) {
    this.namespace = namespace;
    this.address = address;
    this.enter = ["nsenter", `--net=/var/run/netns/${namespace}`];
  }

  /** Loses traffic from now on, without a word to anybody, until it is healed. */
  cut(what: Cut): void {
    if (what !== "mute") this.run("iptables", "-A", "INPUT", "-i", "eth0", "-j", "DROP");
    if (what !== "deaf") this.run("iptables", "-A", "OUTPUT", "-o", "eth0", "-j", "DROP");
  }

  /** Ends every cut. */
  heal(): void {
    this.run("iptables", "-F");
  }

  /** Whether something listens there on a TCP port. */
  listens(port: number): boolean {
    return said([...this.enter, "ss", "-Hltn", `sport = :${port}`]) !== "";
  }

  /** Runs a command in its network; fails when the command does. */
  run(...command: readonly string[]): void {
    must([...this.enter, ...command]);
  }
}

/** The bridge and its machines. Dispose it: what still runs in its namespaces is ended. */
export class Network implements Disposable {
  /** Where everything passes that one machine says to another. */
  readonly bridge: Machine;
  readonly #tag: string;
  /** All that were made, in this order; the first is the manager's. */
  readonly machines: Machine[] = [];
  readonly #namespaces: string[] = [];
  #made = 0;

  constructor() {
    this.#tag = `cube${process.pid}x${Math.floor(performance.now() * 1000) % 10_000}`;
    this.bridge = this.#namespace("bridge", `${PREFIX}.254`);
    try {
      this.bridge.run("ip", "link", "add", "br0", "type", "bridge");
      this.bridge.run("ip", "address", "add", `${PREFIX}.254/24`, "dev", "br0");
      this.bridge.run("ip", "link", "set", "br0", "up");
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A machine on the bridge. */
  machine(name: string): Machine {
    const at = ++this.#made;
    const machine = this.#namespace(name, `${PREFIX}.${at}`);
    this.#cable(machine, `port${at}`);
    this.bridge.run("ip", "link", "set", `port${at}`, "master", "br0");
    this.machines.push(machine);
    return machine;
  }

  /** The one machine behind NAT: no other has a route to it. */
  machineBehindNat(name: string): Machine {
    const machine = this.#namespace(name, `${INNER}.2`);
    this.#cable(machine, "inner");
    this.bridge.run("ip", "address", "add", `${INNER}.1/24`, "dev", "inner");
    machine.run("ip", "route", "add", "default", "via", `${INNER}.1`);
    this.bridge.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
    this.bridge.run(
      "iptables",
      "-t",
      "nat",
      "-A",
      "POSTROUTING",
      "-s",
      `${INNER}.0/24`,
      "-o",
      "br0",
      "-j",
      "MASQUERADE",
    );
    return machine;
  }

  #namespace(name: string, address: string): Machine {
    const namespace = `${this.#tag}-${name}`;
    must(["ip", "netns", "add", namespace]);
    this.#namespaces.push(namespace);
    const machine = new Machine(namespace, address);
    machine.run("ip", "link", "set", "lo", "up");
    return machine;
  }

  #cable(machine: Machine, port: string): void {
    const peer = ["peer", "name", port, "netns", this.bridge.namespace];
    machine.run("ip", "link", "add", "eth0", "type", "veth", ...peer);
    this.bridge.run("ip", "link", "set", port, "up");
    machine.run("ip", "address", "add", `${machine.address}/24`, "dev", "eth0");
    machine.run("ip", "link", "set", "eth0", "up");
  }

  [Symbol.dispose](): void {
    for (const namespace of this.#namespaces.splice(0)) {
      for (const pid of said(["ip", "netns", "pids", namespace]).split("\n").filter(Boolean)) end(Number(pid));
      if (existsSync(`/var/run/netns/${namespace}`)) must(["ip", "netns", "delete", namespace]);
    }
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function must(command: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([...command], { env: ENV });
  if (!success) throw new Error(`${command.join(" ")}: ${stderr}`);
}

function said(command: readonly string[]): string {
  return Bun.spawnSync([...command], { env: ENV }).stdout.toString();
}

const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
