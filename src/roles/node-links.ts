/** The links to nodes elsewhere as people see and change them (api/ports.ts): the join token, the addresses that are dialled, and each node's link. */
import { networkInterfaces } from "node:os";
import type { NodeLinks } from "../api/ports.ts";
import type { DialledResource } from "../client/resources.ts";
import type { Config } from "../config/config.ts";
import { addressText, isLoopback, parseAddress, WORKER_PORT } from "../core/address.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { DialledAddress } from "../transport/peers.ts";
import type { RemoteLinks } from "../transport/remote-links.ts";
import type { AddressBook } from "./dialled-addresses.ts";

/** Where `cube worker` waits when it is told nothing. */
const BOOKS_WORKER = `127.0.0.1:${WORKER_PORT}`;

/** What it looks like when nobody waits there. */
const NOBODY = /ECONNREFUSED/;

/**
 * The addresses of workers that a manager was started with. One that has no worker of its own and was told of none looks for the book's on this machine:
 * `cube worker` and `cube manager` are a cluster as they are. A stranger who listens there learns nothing, for links begin with proofs. Pure.
 */
export function workersOf({ workers, localWorker }: Config["manager"]): readonly string[] {
  return workers.length > 0 || localWorker ? workers : [BOOKS_WORKER];
}

/** What the links stand on. */
export interface NodeLinksOptions {
  readonly config: Config;
  readonly links: RemoteLinks;
  readonly book: AddressBook;
  readonly joinToken: () => string;
  readonly renewJoinToken: () => Result<string>;
  /** The port that the manager listens on; 0 before it does. */
  readonly port: () => number;
}

/** The port, and what begins and ends with the manager: disposing it dials no more, but keeps the addresses. */
export interface OpenNodeLinks extends NodeLinks, Disposable {
  /** Dials what is configured and what was added before. Throws for text that is no address. */
  begin(): void;
}

/** Makes the port; nobody is dialled before `begin`. */
export function createNodeLinks(options: NodeLinksOptions): OpenNodeLinks {
  return new Dialling(options);
}

class Dialling implements OpenNodeLinks {
  readonly #options: NodeLinksOptions;
  readonly #dials = new Map<string, Disposable>();

  constructor(options: NodeLinksOptions) {
    this.#options = options;
  }

  begin(): void {
    const { config, book } = this.#options;
    for (const address of [...workersOf(config.manager), ...book.list()]) {
      const name = nameIn(address);
      if (!name.ok) throw new Error(`a worker's address: ${name.failure.message}`);
      this.#dial(name.value);
    }
  }

  joinToken(): string {
    return this.#options.joinToken();
  }

  renewJoinToken(): Result<string> {
    return this.#options.renewJoinToken();
  }

  addresses(): readonly string[] {
    return reachedAt(this.#options.config.manager.host, this.#options.port());
  }

  dial(address: string): Result<DialledResource> {
    const name = nameIn(address);
    if (!name.ok) return name;
    const kept = this.#isConfigured(name.value) ? ok(undefined) : this.#options.book.add(name.value);
    if (!kept.ok) return kept;
    this.#dial(name.value);
    return ok(this.#shown(name.value));
  }

  undial(address: string): Result<DialledResource> {
    const name = nameIn(address);
    if (!name.ok) return name;
    const dial = this.#dials.get(name.value);
    if (!dial) return fail("not_found", `${name.value} is not dialled`);
    const kept = this.#options.book.remove(name.value);
    if (!kept.ok) return kept;
    const was = this.#shown(name.value);
    this.#dials.delete(name.value);
    dial[Symbol.dispose]();
    return ok(was);
  }

  dialled(): readonly DialledResource[] {
    return this.#options.links
      .dialled()
      .filter((each) => !this.#isVain(each))
      .map((each) => ({
        ...each,
        // Who dials says the address itself; beside the address it would be there twice.
        problem: each.problem.startsWith(`${each.address}: `)
          ? each.problem.slice(each.address.length + 2)
          : each.problem,
        configured: this.#isConfigured(each.address),
      }))
      .sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  peer(nodeId: string): ReturnType<NodeLinks["peer"]> {
    return this.#options.links.peer(nodeId);
  }

  removed(nodeId: string): void {
    for (const each of this.dialled()) if (each.nodeId === nodeId && !each.configured) this.undial(each.address);
    this.#options.links.disconnect(nodeId);
  }

  [Symbol.dispose](): void {
    for (const dial of this.#dials.values()) dial[Symbol.dispose]();
    this.#dials.clear();
  }

  #dial(name: string): void {
    if (!this.#dials.has(name)) this.#dials.set(name, this.#options.links.dial(name));
  }

  #shown(name: string): DialledResource {
    const found = this.dialled().find(({ address }) => address === name);
    return found ?? { address: name, nodeId: "", linked: false, problem: "", configured: this.#isConfigured(name) };
  }

  /** Nobody asked for a worker here, and there is none: that is no trouble to speak of. */
  #isVain({ address, nodeId, problem }: DialledAddress): boolean {
    const { config, book } = this.#options;
    const isOurIdea = address === BOOKS_WORKER && config.manager.workers.length === 0;
    return isOurIdea && nodeId === "" && !book.list().includes(address) && (problem === "" || NOBODY.test(problem));
  }

  #isConfigured(name: string): boolean {
    return this.#options.config.manager.workers.some((address) => {
      const configured = nameIn(address);
      return configured.ok && configured.value === name;
    });
  }
}

/** One spelling for each address. */
function nameIn(address: string): Result<string> {
  const parsed = parseAddress(address, WORKER_PORT);
  return parsed.ok ? ok(addressText(parsed.value)) : parsed;
}

/** Networks of container engines and virtual machines, which end at this machine. */
const BRIDGES = /^(docker|br-|veth|virbr|podman|cni|flannel|lxc)/;

/** Where other machines find what listens on `host`: nowhere on loopback, at all of this machine's addresses where it listens on all. */
function reachedAt(host: string, port: number): string[] {
  if (isLoopback(host)) return [];
  if (host !== "0.0.0.0" && host !== "::" && host !== "") return [addressText({ host, port })];
  const interfaces = Object.entries(networkInterfaces()).filter(([name]) => !BRIDGES.test(name));
  const found = interfaces.flatMap(([, addresses]) => addresses ?? []);
  return found
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .filter(({ family }) => host !== "0.0.0.0" || family === "IPv4")
    .sort((a, b) => (a.family < b.family ? -1 : 1))
    .map(({ address }) => addressText({ host: address, port }));
}
