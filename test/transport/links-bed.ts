// Managers' and workers' ends of links on loopback, each with a directory and keys of its own, and what was said over them.
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededDraw } from "../../src/core/jitter.ts";
import type { NodeFacts } from "../../src/core/node.ts";
import type { ManagerIdentity, ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import { type Identity, openIdentity } from "../../src/transport/identity.ts";
import { type JoinToken, openJoinSecret } from "../../src/transport/join-token.ts";
import {
  createManagerLink,
  type ManagerLinkOptions,
  type RemoteManagerLink,
} from "../../src/transport/manager-link.ts";
import { createRemoteLinks, type RemoteLinks, type RemoteLinksOptions } from "../../src/transport/remote-links.ts";

/** Short enough for a test, long enough for a busy machine. */
export const QUICK = { greetingMs: 2_000, pingMs: 500 };

/** Everybody from one address, and quickly: tests come from loopback. */
export const NO_LIMITS = { strangers: 64, perSecond: 1_000_000 };

/** What a log was told. */
export class Lines {
  readonly lines: string[] = [];
  info = (text: string): void => void this.lines.push(text);
  warn = (text: string): void => void this.lines.push(text);
  error = (text: string): void => void this.lines.push(text);
  has(part: string): boolean {
    return this.lines.some((line) => line.includes(part));
  }
}

/** Polls; fails with what it waited for. */
export async function until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await Bun.sleep(5);
  }
}

/** A directory for keys and pins, gone at the end. */
export function scratch(): { readonly path: string; readonly file: (name: string) => string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "cube-links-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export function identityIn(file: string): Identity {
  const opened = openIdentity(file);
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value;
}

/** A manager's end: listens, and notes who said what. */
export class ManagerEnd {
  readonly identity: Identity;
  readonly secret: string;
  readonly log = new Lines();
  readonly heard: { readonly linkId: string; readonly message: WorkerMessage }[] = [];
  readonly closed: string[] = [];
  readonly known = new Map<string, { machineId: string }>();
  readonly links: RemoteLinks;
  readonly #opened: Disposable;
  #server: Server | undefined;

  constructor(directory: string, more: Partial<RemoteLinksOptions> = {}) {
    this.identity = identityIn(join(directory, "manager.key"));
    const secret = openJoinSecret(join(directory, "join-token"));
    if (!secret.ok) throw new Error(secret.failure.message);
    this.secret = secret.value;
    this.links = createRemoteLinks({
      identity: this.identity,
      joinSecret: () => this.secret,
      known: (nodeId) => this.known.get(nodeId) ?? null,
      manager: () => null,
      log: this.log,
      draw: seededDraw(1),
      times: QUICK,
      limits: NO_LIMITS,
      ...more,
    });
    this.#opened = this.links.open({
      onMessage: (linkId, message) => {
        this.heard.push({ linkId, message });
        // What a manager does with a hello: the node is on record from then on.
        if (message.kind === "hello") this.known.set(message.facts.id, { machineId: message.facts.machineId });
      },
      onClosed: (linkId) => this.closed.push(linkId),
    });
  }

  get token(): JoinToken {
    return { clusterId: this.identity.id, secret: this.secret };
  }

  /** Listens on loopback; gives the port. */
  async listen(port = 0): Promise<number> {
    const server = this.links.front(null);
    this.#server = server;
    return listening(server, port);
  }

  linkOf(nodeId: string): string {
    return this.links.peers().find((peer) => peer.nodeId === nodeId)?.linkId ?? "";
  }

  end(): void {
    this.#opened[Symbol.dispose]();
    this.links.end();
    this.#server?.close();
  }
}

/** A worker's end: dials or listens, and notes what it is told. */
export class WorkerEnd {
  readonly identity: Identity;
  readonly log = new Lines();
  readonly heard: ManagerMessage[] = [];
  linked = 0;
  unlinked = 0;
  readonly link: RemoteManagerLink;
  #opened: Disposable | undefined;
  #server: Server | undefined;

  constructor(
    directory: string,
    to: { readonly port: number | null; readonly token: JoinToken | null },
    more: Partial<ManagerLinkOptions> = {},
  ) {
    this.identity = identityIn(join(directory, "worker.key"));
    this.link = createManagerLink({
      identity: this.identity,
      machineId: "machine-1",
      pinFile: join(directory, "manager.pin"),
      token: () => ({ ok: true, value: to.token }),
      join: to.port === null ? null : { host: "127.0.0.1", port: to.port },
      log: this.log,
      draw: seededDraw(2),
      times: QUICK,
      limits: NO_LIMITS,
      ...more,
    });
  }

  /** Opens the link; says hello each time that it is up, as a worker does. */
  start(facts: Partial<NodeFacts> = {}): this {
    this.#opened = this.link.open({
      onMessage: (message) => this.heard.push(message),
      onLinked: () => {
        this.linked++;
        this.link.send(helloOf({ id: this.identity.id, ...facts }));
      },
      onUnlinked: () => this.unlinked++,
    });
    return this;
  }

  async listen(): Promise<number> {
    const server = this.link.front(null);
    this.#server = server;
    return listening(server, 0);
  }

  end(): void {
    this.#opened?.[Symbol.dispose]();
    this.link.end();
    this.#server?.close();
  }
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
  return (server.address() as AddressInfo).port;
}

/** A hello of a small node. */
export function helloOf(facts: Partial<NodeFacts>): WorkerMessage {
  return {
    kind: "hello",
    protocol: { min: 1, max: 1 },
    facts: {
      id: "node",
      name: "n1",
      machineId: "machine-1",
      address: "127.0.0.1",
      os: "linux",
      arch: "x64",
      version: "0.1.0",
      labels: { zone: "a" },
      capacity: { cpuMillis: 4_000, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
      reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
      runtimes: [{ kind: "docker", version: "20.10", problem: "" }],
      local: false,
      ...facts,
    },
    bootId: "boot",
    seen: null,
    setNumber: 0,
  };
}

/** Who a manager says that it is. */
export const SOME_MANAGER: ManagerIdentity = { clusterId: "c", instanceId: "i", term: 1, lineage: "l", revision: 7 };

/** The numbered set `number`, empty, as a change of the one before. */
export function setNumber(number: number): ManagerMessage {
  return { kind: "assignments", manager: SOME_MANAGER, number, base: Math.max(0, number - 1), put: [], remove: [] };
}
