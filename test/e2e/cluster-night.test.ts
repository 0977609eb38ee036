// The manager's machine sleeps: its process stands still and its wall clock is hours ahead when it goes on. It recognises that, gives everybody time to come back,
// and finds all as it was. The clock is moved for the manager (and a screen beside it) alone, by libfaketime. The tests share one cluster and run in order.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { MovedClock } from "./chaos/moved-clock.ts";
import { RealCluster } from "./real-cluster.ts";

const LIMIT_MS = 90_000;
const NAMES = ["n1", "n2", "n3"] as const;
const HOUR_S = 3_600;
const NIGHT_H = 12;

let cluster: RealCluster;
let clock: MovedClock;

/** All that must not change: who runs where, since when, and how often each was started. */
async function standing(): Promise<string[]> {
  const tasks = await cluster.manager.tasks();
  const lines = tasks.map(({ name, id, nodeName, state, incarnation, restarts, containerId }) =>
    [name, id, nodeName, state, incarnation, restarts, containerId].join(" "),
  );
  return [...lines.sort(), ...(await cluster.everything())];
}

/** What has been said since a revision about tasks and nodes that went, and about work that was given away. */
async function upheavals(revision: number): Promise<string[]> {
  const texts = (await cluster.manager.events()).filter((event) => event.revision > revision).map(({ text }) => text);
  return texts.filter((text) => /replaced|lost|failed|restarts|stopped|disconnected/.test(text));
}

async function revisionNow(): Promise<number> {
  return (await cluster.manager.events()).at(-1)?.revision ?? 0;
}

/** Waits until the manager has noticed that its machine slept. */
async function settling(): Promise<void> {
  await cluster.until("the manager settles", async () =>
    (await cluster.manager.manager()).caution?.startsWith("settling"),
  );
}

/** How often the manager's log tells that it settles. */
function settledInLog(): number {
  return (
    readFileSync(join(cluster.manager.dataDir, "cube.log"), "utf8").split("settling: nodes are given time").length - 1
  );
}

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: a manager that sleeps", () => {
  beforeAll(async () => {
    await requireDocker();
    clock = new MovedClock();
    cluster = await RealCluster.start({ managerEnv: clock.env });
    clock.carriedBy(cluster.manager.child?.pid ?? 0);
    for (const name of NAMES) await cluster.placeOn(name, { name: `on${name}`, count: 3 });
    await cluster.untilSettled();
  }, LIMIT_MS);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    clock?.[Symbol.dispose]();
  }, LIMIT_MS);

  test(
    "e2e: a manager whose machine slept for a night recognises it, settles, replaces nothing, and its screen sums up the night",
    async () => {
      const screen = cluster.manager.screen({ args: ["attach"], env: clock.env });
      await screen.until("onn1");
      clock.carriedBy(screen.process.pid);
      const [before, revision, settled] = [await standing(), await revisionNow(), settledInLog()];
      const sleepers = [cluster.manager.child?.pid ?? 0, screen.process.pid];
      for (const pid of sleepers) process.kill(pid, "SIGSTOP");
      await cluster.until("all nodes have given it up", async () =>
        cluster.nodes.every((node) => /was not heard of|the link is lost/.test(node.log())),
      );
      clock.step(NIGHT_H * HOUR_S);
      for (const pid of sleepers) process.kill(pid, "SIGCONT");
      await settling();
      await cluster.ready();
      await cluster.untilSettled();
      expect(settledInLog()).toBe(settled + 1);
      expect(await standing()).toEqual(before);
      expect(await upheavals(revision)).toEqual([]);
      await screen.until(`while you were away (${NIGHT_H}h`);
      await screen.until("no node was lost, no task restarted or failed");
      await screen.end();
      expect((await cluster.manager.nodes()).map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
      await cluster.manager.ok("stop", "onn1");
      const last = (await cluster.manager.events()).at(-1)?.atMs ?? 0;
      expect(Math.round((last - Date.now()) / 1000 / HOUR_S)).toBe(NIGHT_H);
      await cluster.manager.ok("start", "onn1");
      await cluster.running("onn1", 3);
    },
    LIMIT_MS,
  );

  test(
    "e2e: a wall clock that jumps while the manager runs changes nothing, and a node that dies then is replaced once it has settled",
    async () => {
      const [before, revision] = [await standing(), await revisionNow()];
      clock.step(-NIGHT_H * HOUR_S);
      await cluster.until("its clock has gone back", async () => {
        await cluster.manager.ok("node", "cordon", "n1");
        await cluster.manager.ok("node", "uncordon", "n1");
        return ((await cluster.manager.events()).at(-1)?.atMs ?? 0) < Date.now();
      });
      clock.step(NIGHT_H * HOUR_S);
      const node = cluster.node("n2");
      node.machine.run("ip", "link", "set", "eth0", "down");
      await settling();
      expect(await standing()).toEqual(before);
      expect(await upheavals(revision)).toEqual([]);
      await cluster.nodeIs("n2", "disconnected");
      await cluster.until("its tasks run elsewhere", async () =>
        (await cluster.tasksOf("onn2")).every(({ state, nodeName }) => state === "running" && nodeName !== "n2"),
      );
      node.machine.run("ip", "link", "set", "eth0", "up");
      await cluster.ready();
    },
    LIMIT_MS,
  );
});
