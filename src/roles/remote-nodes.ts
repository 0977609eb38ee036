/** Nodes elsewhere: the manager's links to them, who is let in, and which streams come from where. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import type { TaskStreams } from "../api/ports.ts";
import type { Config } from "../config/config.ts";
import { ok, type Result } from "../core/failure.ts";
import { seededDraw } from "../core/jitter.ts";
import type { Log } from "../log/log.ts";
import type { ManagerHost } from "../manager/host.ts";
import type { Identity } from "../transport/identity.ts";
import {
  type JoinToken,
  leaveJoinToken,
  openJoinSecret,
  renewJoinSecret,
  writeJoinToken,
} from "../transport/join-token.ts";
import { createRemoteLinks, type RemoteLinks } from "../transport/remote-links.ts";
import { type AddressBook, openAddressBook } from "./dialled-addresses.ts";
import { workersOf } from "./node-links.ts";

/** The manager as links see it: which nodes have joined, and who it is; null for one that gives no orders yet. */
export type Served = Pick<ManagerHost, "node" | "identity">;

/** The links, and what lets others join. */
export interface RemoteNodes {
  readonly links: RemoteLinks;
  /** Addresses of workers that were added while a manager ran. */
  readonly book: AddressBook;
  /** What a new node has to show. */
  joinToken(): string;
  /** Another one: that of before is void. */
  renewJoinToken(): Result<string>;
  /** Tells the links which manager they serve; before that nobody is let in. `readmits`: also nodes that it has forgotten and that prove that they had joined. */
  serve(manager: Served, as?: { readonly readmits: boolean }): void;
}

/** Makes the links; nobody is dialled or let in yet. Fails as the join secret does. */
export function openRemoteNodes(config: Config, log: Log, identity: Identity): Result<RemoteNodes> {
  const { data } = config.dirs;
  const secretFile = join(data, "join-secret");
  const secret = openJoinSecret(secretFile);
  if (!secret.ok) return secret;
  const book = openAddressBook(config.manager.store === "memory" ? null : join(data, "node-addresses"));
  if (!book.ok) return book;
  let token: JoinToken = { clusterId: identity.id, secret: secret.value };
  leaveForThisMachine(config, log, token);
  let manager: Served | undefined;
  let readmits = false;
  const links = createRemoteLinks({
    identity,
    joinSecret: () => token.secret,
    readmits: () => readmits,
    known: (nodeId) => manager?.node(nodeId) ?? null,
    manager: () => manager?.identity() ?? null,
    log,
    draw: seededDraw(randomInt(2 ** 31)),
  });
  return ok({
    links,
    book: book.value,
    joinToken: () => writeJoinToken(token),
    renewJoinToken: () => {
      const renewed = renewJoinSecret(secretFile);
      if (!renewed.ok) return renewed;
      token = { ...token, secret: renewed.value };
      leaveForThisMachine(config, log, token);
      return ok(writeJoinToken(token));
    },
    serve: (host, as) => {
      manager = host;
      readmits = as?.readmits ?? false;
    },
  });
}

/** A worker of the same user on this machine finds the token by itself. A file that somebody named holds what a worker was given, and is not the manager's to write. */
function leaveForThisMachine({ worker }: Config, log: Log, token: JoinToken): void {
  const { tokenFile, tokenFileGiven } = worker.join;
  if (tokenFileGiven) return;
  try {
    leaveJoinToken(tokenFile, token);
  } catch (error) {
    log.warn(`the join token is not left at ${tokenFile}: ${String(error)}`);
  }
}

/** Streams of the manager's own worker from itself, of all others over their links. */
export function streamsByNode(
  own: { readonly nodeId: string; readonly streams: TaskStreams } | null,
  remote: TaskStreams,
): TaskStreams {
  const of = (nodeId: string) => (own?.nodeId === nodeId ? own.streams : remote);
  return {
    logs: (nodeId, taskId, query, signal) => of(nodeId).logs(nodeId, taskId, query, signal),
    exec: (nodeId, taskId, request) => of(nodeId).exec(nodeId, taskId, request),
    inspectRaw: (nodeId, taskId) => of(nodeId).inspectRaw(nodeId, taskId),
  };
}

/** Links for as long as an adoption lasts, before there is a manager: the addresses are dialled and the port is open, for workers only. */
export async function openForAdoption(
  config: Config,
  { links, book }: Pick<RemoteNodes, "links" | "book">,
): Promise<AsyncDisposable> {
  const { host, port } = config.manager;
  const opened = new AsyncDisposableStack();
  const server = links.front(null);
  server.listen(port, host);
  await once(server, "listening");
  opened.defer(async () => {
    server.close();
    await once(server, "close");
  });
  for (const address of [...workersOf(config.manager), ...book.list()]) opened.use(links.dial(address));
  return opened;
}
