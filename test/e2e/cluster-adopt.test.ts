// A manager, or a worker, that has lost its memory in part or whole meets others that know better: nothing is killed or made twice, everybody says what to do, and
// with --adopt all is known again. The tests share one cluster and run in order; each leaves all nodes ready.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { RealCluster } from "./real-cluster.ts";

const LIMIT_MS = 90_000;
/** A worker alone begins on its own after 15 s. */
const LONGER_THAN_ORDERS_TAKE_MS = 17_000;
const NAMES = ["n1", "n2", "n3"] as const;
const STORE = ["store", "store.json", "store.acked"];

let cluster: RealCluster;

/** What is known of the tasks, apart from who said it when. */
async function known(): Promise<string[]> {
  const lines = (await cluster.manager.tasks()).map(
    ({ name, id, nodeName, state, incarnation, restarts, containerId }) =>
      [name, id, nodeName, state, incarnation, restarts, containerId].join(" "),
  );
  return lines.sort();
}

/** On each node a task that ends: its worker hears the manager. */
async function allObey(): Promise<void> {
  for (const name of NAMES) {
    const marker = `marker${++markers}`;
    await cluster.submit({ name: marker, command: ["true"], restart: "no", constraints: [`node.hostname==${name}`] });
    await cluster.manager.state(marker, "complete");
    await cluster.remove(marker);
  }
}
let markers = 0;

function forget(...names: string[]): void {
  for (const name of names) {
    const file = join(cluster.manager.dataDir, name);
    if (!existsSync(file)) throw new Error(`there is no ${file}`);
    rmSync(file, { recursive: true });
  }
}

/** Starts the manager, for this once with --adopt; what it said of that. */
async function adopt(): Promise<string> {
  const { manager } = cluster;
  await manager.end();
  await manager.start("--adopt");
  const { child } = manager;
  await cluster.ready();
  await manager.end();
  await manager.start();
  await cluster.ready();
  return new Response(child?.stderr).text();
}

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: a cluster's memory", () => {
  beforeAll(async () => {
    await requireDocker();
    cluster = await RealCluster.start();
    for (const name of NAMES) await cluster.placeOn(name, { name: `on${name}`, count: 2 });
  }, LIMIT_MS);
  afterAll(() => cluster?.[Symbol.asyncDispose](), LIMIT_MS);

  test(
    "e2e: with an emptied store and another join token remote workers end nothing and are not let in; with --adopt every task is known and untouched",
    async () => {
      const { manager } = cluster;
      const [before, tasks] = [await cluster.everything(), await known()];
      await manager.end();
      forget(...STORE, "join-secret");
      await manager.start();
      await cluster.until("the nodes that are dialled are told", async () => {
        const { unlinked = [] } = await manager.manager();
        return unlinked.filter(({ problem }) => /does not know this node any more.*--adopt/.test(problem)).length === 2;
      });
      expect((await manager.cli("node")).stderr).toContain("--adopt");
      await cluster.until("the node that dials is told", async () =>
        /does not know this node any more.*--adopt/.test(cluster.node("n3").log()),
      );
      expect([await known(), await manager.nodes()]).toEqual([[], []]);
      expect(await cluster.everything()).toEqual(before);

      const said = await adopt();
      for (const name of NAMES) expect(said).toContain(`node ${name} is taken back`);
      expect(said).toContain("adopted from 3 nodes: 3 jobs and 6 tasks that the store did not know");
      expect(await known()).toEqual(tasks);
      expect(await cluster.everything()).toEqual(before);
      await allObey();
    },
    LIMIT_MS,
  );

  test(
    "e2e: with an older copy of the store remote workers refuse its orders and end nothing; with --adopt what it did not know is known",
    async () => {
      const { manager } = cluster;
      await manager.end();
      const copy = join(manager.home, "copy");
      for (const name of STORE) cpSync(join(manager.dataDir, name), join(copy, name), { recursive: true });
      await manager.start();
      await cluster.ready();
      const older = await known();
      for (const name of NAMES) await cluster.placeOn(name, { name: `later${name}` });
      await manager.ok("restart", "onn1");
      await cluster.until("one has been restarted", async () =>
        (await cluster.tasksOf("onn1")).every(({ incarnation, state }) => incarnation === 2 && state === "running"),
      );
      const [before, tasks] = [await cluster.everything(), await known()];
      await manager.end();
      forget(...STORE);
      for (const name of STORE) cpSync(join(copy, name), join(manager.dataDir, name), { recursive: true });
      await manager.start();
      await cluster.until("all nodes refuse", async () => {
        const nodes = await manager.nodes();
        return nodes.length === NAMES.length && nodes.every(({ reason }) => reason.includes("refuses this manager"));
      });
      const { caution } = await manager.manager();
      expect(caution).toMatch(/put the newer data directory back, or start the manager once with --adopt/);
      expect((await manager.cli("status")).stderr).toContain("--adopt");
      expect((await known()).map((line) => line.split(" ")[0])).toEqual(older.map((line) => line.split(" ")[0]));
      expect(await cluster.everything()).toEqual(before);

      expect(await adopt()).toMatch(/adopted from 3 nodes: 3 jobs and 3 tasks that the store did not know/);
      expect(await known()).toEqual(tasks);
      expect(await cluster.everything()).toEqual(before);
      await allObey();
    },
    LIMIT_MS,
  );

  test(
    "e2e: a worker whose journal was put back from a backup makes nothing that is over, and keeps what the journal does not know",
    async () => {
      const { manager } = cluster;
      const node = cluster.node("n1");
      const [journal, backup] = [join(node.keys, "worker.journal"), join(node.home, "journal-of-yesterday")];
      await cluster.placeOn("n1", { name: "old" });
      await node.kill();
      cpSync(journal, backup);
      node.start();
      await cluster.ready();
      await cluster.remove("old");
      await cluster.placeOn("n1", { name: "new" });
      const before = await cluster.everything();
      await manager.end();
      await node.kill();
      cpSync(backup, journal);
      node.start();
      await cluster.until("it is said", async () =>
        node.log().includes("containers are here that the journal does not know"),
      );
      await Bun.sleep(LONGER_THAN_ORDERS_TAKE_MS);
      expect(await cluster.everything()).toEqual(before);
      await manager.start();
      await cluster.ready();
      await allObey();
      expect(await cluster.everything()).toEqual(before);
      expect((await cluster.tasksOf("new")).map(({ state, restarts }) => [state, restarts])).toEqual([["running", 0]]);
    },
    LIMIT_MS,
  );
});
