// All kinds of links under one contract.

import type { AddressInfo, Server } from "node:net";
import { seededDraw } from "../../src/core/jitter.ts";
import { combineLinks } from "../../src/transport/combine-links.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { createManagerLink } from "../../src/transport/manager-link.ts";
import { createRemoteLinks, type RemoteLinks } from "../../src/transport/remote-links.ts";
import { identityIn, Lines, NO_LIMITS, QUICK, scratch } from "../transport/links-bed.ts";
import { type LinkBed, linkContract } from "./link.ts";

linkContract("in process", async () => ({ ...createInProcessLink(), nodeId: "node", dispose: () => undefined }));

linkContract("TLS, dialled by the worker", () => remoteBed("worker", (links) => links));

linkContract("TLS, dialled by the manager", () => remoteBed("manager", (links) => links));

linkContract("combined with others", () =>
  remoteBed("worker", (links) => combineLinks(createInProcessLink().manager, links)),
);

async function remoteBed(
  dialledBy: "worker" | "manager",
  as: (links: RemoteLinks) => LinkBed["manager"],
): Promise<LinkBed> {
  const directory = scratch();
  const [boss, hand] = [identityIn(directory.file("manager.key")), identityIn(directory.file("worker.key"))];
  const common = { log: new Lines(), times: QUICK, limits: NO_LIMITS, draw: seededDraw(3) };
  const secret = "a".repeat(32);
  const links = createRemoteLinks({
    ...common,
    identity: boss,
    joinSecret: () => secret,
    known: () => null,
    manager: () => null,
  });
  const front = links.front(null);
  const port = await listening(front);
  const worker = createManagerLink({
    ...common,
    identity: hand,
    machineId: "machine-1",
    pinFile: directory.file("manager.pin"),
    token: () => ({ ok: true, value: { clusterId: boss.id, secret } }),
    join: dialledBy === "worker" ? { host: "127.0.0.1", port } : null,
  });
  const ownFront = worker.front(null);
  if (dialledBy === "manager") links.dial(`127.0.0.1:${await listening(ownFront)}`);
  const dispose = (): void => {
    links.end();
    worker.end();
    front.close();
    ownFront.close();
    directory[Symbol.dispose]();
  };
  return { manager: as(links), worker, nodeId: hand.id, dispose };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}
