// A way between manager and worker on which nothing passes for a while although every connection stays open: the link is noticed to be dead, and what is late
// when it passes at last changes nothing. One cluster for all directions, each leaves all nodes ready.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { type Direction, StallingRelay } from "./middle.ts";
import { RealCluster } from "./real-cluster.ts";

const LIMIT_MS = 90_000;

let cluster: RealCluster;
let relay: StallingRelay;

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: a relay that stalls", () => {
  beforeAll(async () => {
    await requireDocker();
    cluster = await RealCluster.start();
    const machine = cluster.network.machine("relay");
    relay = await StallingRelay.at({ machine, port: 5555, to: cluster.address });
    const node = cluster.node("n3");
    await node.kill();
    node.start(`${machine.address}:5555`);
    await cluster.ready();
    await cluster.placeOn("n3", { name: "staying", disconnect: { replace: false } });
  }, LIMIT_MS);
  afterAll(async () => {
    await relay?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  }, LIMIT_MS);

  test.each<[Direction, string]>([
    ["both", "nothing passes"],
    ["onward", "the manager hears nothing"],
    ["back", "the worker hears nothing"],
  ])(
    "e2e: a relay that stalls (%s: %s): the node is out of reach, is back when it flows again, and nothing is doubled",
    async (way) => {
      const name = `moving${way}`;
      await cluster.placeOn("n3", { name });
      const before = await cluster.everything();
      const [original] = await cluster.containersOf(name);
      relay.stall(way);
      await cluster.nodeIs("n3", "disconnected");
      await cluster.until("its task runs elsewhere", async () => (await cluster.containersOf(name)).length === 2);
      expect((await cluster.containersOf("staying")).length).toBe(1);
      expect(relay.resume()).toBeGreaterThan(0);
      await cluster.nodeIs("n3", "ready");
      await cluster.until("the original alone is left", async () =>
        Bun.deepEquals(await cluster.containersOf(name), [original]),
      );
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);
      await cluster.remove(name);
    },
    LIMIT_MS,
  );
});
