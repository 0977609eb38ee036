// A cluster over a real network: what becomes of tasks when a worker, an engine, a node, a cable or the manager fails. The tests share one
// cluster and run in order; each leaves all nodes ready.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import type { TaskResource } from "../../src/client/resources.ts";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import type { Cut } from "./namespaces.ts";
import { RealCluster } from "./real-cluster.ts";

const LIMIT_MS = 90_000;
const NAMES = ["n1", "n2", "n3"] as const;

let cluster: RealCluster;

/** A task that ends, on that node: its worker hears the manager and the engine hears the worker. */
async function worksOn(name: string): Promise<void> {
  const marker = `marker${++markers}`;
  const constraints = [`node.hostname==${name}`];
  await cluster.submit({ name: marker, command: ["true"], restart: "no", constraints });
  await cluster.manager.state(marker, "complete");
  await cluster.manager.ok("rm", marker);
}
let markers = 0;

/** Attempts and restarts of the tasks that stay all the time. */
async function lasting(): Promise<string[]> {
  const tasks = (await cluster.manager.tasks()).filter(({ name }) => name.startsWith("on"));
  return tasks.map((task) => `${task.name} ${task.id} ${task.nodeName} ${task.state} ${task.restarts}`).sort();
}

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: a cluster", () => {
  beforeAll(async () => {
    await requireDocker();
    cluster = await RealCluster.start({ engineFlags: ["--live-restore"] });
  }, LIMIT_MS);
  afterAll(() => cluster?.[Symbol.asyncDispose](), LIMIT_MS);

  test(
    "e2e: nodes that are dialled and one behind NAT run a task each",
    async () => {
      for (const name of NAMES) {
        const command = ["sh", "-c", `echo here is ${name}; exec sleep 10000`];
        await cluster.placeOn(name, { name: `on${name}`, command });
      }
      const where = await Promise.all(NAMES.map((name) => cluster.containersOf(`on${name}`)));
      expect(where.map((lines) => lines.map((line) => line.split(" ")[0]))).toEqual(NAMES.map((name) => [name]));
    },
    LIMIT_MS,
  );

  test(
    "e2e: logs and commands come over the link of each node, whoever dialled",
    async () => {
      for (const name of NAMES) {
        expect(await cluster.manager.ok("logs", `on${name}`)).toContain(`here is ${name}`);
        expect(await cluster.manager.ok("exec", `on${name}`, "--", "sh", "-c", "echo $((6 * 7))")).toBe("42");
        expect(
          await cluster.manager.ok(
            "exec",
            `on${name}`,
            "--",
            "sh",
            "-c",
            "dd if=/dev/zero bs=64k count=64 2>/dev/null | wc -c",
          ),
        ).toBe("4194304");
      }
    },
    LIMIT_MS,
  );

  test(
    "e2e: workers that are killed find their tasks again when they are back, and nothing is restarted",
    async () => {
      const [before, tasks] = [await cluster.everything(), await lasting()];
      for (const name of ["n1", "n3"]) await cluster.node(name).kill();
      expect(await cluster.everything()).toEqual(before);
      for (const name of ["n1", "n3"]) cluster.node(name).start();
      for (const name of NAMES) await worksOn(name);
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);
      expect(await lasting()).toEqual(tasks);
    },
    LIMIT_MS,
  );

  test(
    "e2e: an engine that is killed and comes back has lost nothing, and nothing is placed elsewhere for it",
    async () => {
      const [before, tasks] = [await cluster.everything(), await lasting()];
      const { engine } = cluster.node("n2");
      await engine.crash();
      await cluster.nodesAre("n2 has no engine", (nodes) =>
        nodes.some(({ name, runtimes }) => name === "n2" && runtimes.some(({ problem }) => problem !== "")),
      );
      await engine.start();
      await cluster.ready();
      await worksOn("n2");
      expect(await cluster.everything()).toEqual(before);
      expect(await lasting()).toEqual(tasks);
    },
    LIMIT_MS,
  );

  test(
    "e2e: a manager that is killed stops nothing, workers restart what ends meanwhile, and it knows all when it is back",
    async () => {
      const before = await cluster.everything();
      await cluster.manager.end("SIGKILL");
      const victim = before.find((line) => line.startsWith("n2 "))?.split(" ") ?? [];
      await cluster.node("n2").engine.kill(victim[2] ?? "");
      const after = await cluster.until("the worker has restarted its task", async () => {
        const now = await cluster.everything();
        return now.length === before.length && !now.some((line) => line.includes(victim[2] ?? "")) && now;
      });
      expect(after.filter((line) => !line.startsWith("n2 "))).toEqual(before.filter((line) => !line.startsWith("n2 ")));
      await cluster.manager.start();
      await cluster.ready();
      await cluster.manager.task(
        "onn2",
        ({ restarts, state }) => restarts === 1 && state === "running",
        "restarted once",
      );
      for (const name of NAMES) await worksOn(name);
      expect(await cluster.everything()).toEqual(after);
    },
    LIMIT_MS,
  );

  test(
    "e2e: a manager that stood still for 20 seconds replaces nothing",
    async () => {
      const [before, tasks] = [await cluster.everything(), await lasting()];
      cluster.manager.child?.kill("SIGSTOP");
      await Bun.sleep(20_000);
      cluster.manager.child?.kill("SIGCONT");
      for (const name of NAMES) await worksOn(name);
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);
      expect(await lasting()).toEqual(tasks);
    },
    LIMIT_MS,
  );

  test(
    "e2e: the tasks of a node that is gone run elsewhere; when it is back the original is kept",
    async () => {
      const node = cluster.node("n2");
      await cluster.placeOn("n2", { name: "web" });
      const [original] = await cluster.containersOf("web");
      node.machine.run("ip", "link", "set", "eth0", "down");
      await node.kill();
      await cluster.nodeIs("n2", "disconnected");
      await cluster.until("web runs elsewhere", async () => {
        const [task] = await cluster.tasksOf("web");
        return task?.state === "running" && task.nodeName !== "n2";
      });
      expect((await cluster.containersOf("web")).length).toBe(2);
      node.machine.run("ip", "link", "set", "eth0", "up");
      node.start();
      await cluster.nodeIs("n2", "ready");
      await cluster.until("the original alone is left", async () => {
        return Bun.deepEquals(await cluster.containersOf("web"), [original]);
      });
      await cluster.remove("web");
    },
    LIMIT_MS,
  );

  test.each<[Cut, string]>([
    ["both", "n2"],
    ["deaf", "n1"],
    ["mute", "n3"],
  ])(
    "e2e: a cut (%s) of %s: back in time its original is kept, back too late its copy is stopped",
    async (cut, name) => {
      const before = await cluster.everything();
      const tasks = await lasting();
      const [kept, late] = [`kept${cut}`, `late${cut}`];
      const { machine } = cluster.node(name);
      await cluster.placeOn(name, { name: kept });
      await cluster.placeOn(name, { name: late, disconnect: { lostAfterMs: 9_000 } });
      const [original] = await cluster.containersOf(kept);
      machine.cut(cut);
      const isElsewhere = ({ state, nodeName }: TaskResource) => state === "running" && nodeName !== name;
      await cluster.until("both run elsewhere", async () =>
        [...(await cluster.tasksOf(kept)), ...(await cluster.tasksOf(late))].every(isElsewhere),
      );
      await cluster.until("one original is lost", async () =>
        (await cluster.manager.events()).some(({ text }) => text.startsWith(late) && text.includes("is lost")),
      );
      const replacement = (await cluster.containersOf(late)).filter((line) => !line.startsWith(name));
      machine.heal();
      await cluster.nodeIs(name, "ready");
      await cluster.until("each runs once", async () => {
        const found = [await cluster.containersOf(kept), await cluster.containersOf(late)];
        return Bun.deepEquals(found, [[original], replacement]);
      });
      await cluster.remove(kept);
      await cluster.remove(late);
      await cluster.until("all is as it was", async () => {
        return Bun.deepEquals([await cluster.everything(), await lasting()], [before, tasks]);
      });
    },
    LIMIT_MS,
  );

  test(
    "e2e: a manager on a copied data directory is refused by the nodes, and ends nothing",
    async () => {
      const before = await cluster.everything();
      const { manager } = cluster;
      await manager.end();
      const machine = cluster.network.machine("m2");
      const workers = ["n1", "n2"].map((name) => `${cluster.node(name).machine.address}:5556`);
      await using copy = new Cube({
        enter: machine.enter,
        role: "manager",
        args: ["--host", machine.address, "--workers", workers.join(",")],
      });
      cpSync(manager.dataDir, copy.dataDir, { recursive: true, filter: (file) => !file.endsWith(".sock") });
      await manager.start();
      await cluster.ready();
      await copy.start();
      await cluster.until("the copy says why it has no nodes", async () => {
        const { unlinked = [] } = await copy.manager();
        return unlinked.length === 2 && unlinked.every(({ problem }) => problem.includes("copied data directory"));
      });
      expect(copy.log()).toContain("copied data directory");
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);

      await manager.end("SIGKILL");
      await cluster.until("alone with the nodes, it is refused by them", async () => {
        return (await copy.nodes()).filter(({ reason }) => reason.includes("refuses")).length === workers.length;
      });
      expect(await cluster.everything()).toEqual(before);
      await manager.start();
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);
    },
    LIMIT_MS,
  );
});
