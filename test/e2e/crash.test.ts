import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

const NAMES = ["a", "b", "c", "d", "e"];

async function startFive(cube: Cube): Promise<void> {
  for (const name of NAMES)
    await cube.ok("run", TEST_IMAGE, "--name", name, "--restart", "always", "--", "sleep", "1000");
  await until("all five run", async () => (await cube.tasks()).filter(({ state }) => state === "running").length === 5);
}

/** A worker that starts something new has looked at everything old: the adoption is over. */
async function settled(cube: Cube): Promise<void> {
  await cube.complete("marker", TEST_IMAGE, "--", "true");
  await cube.ok("rm", "marker");
  await until("the marker is gone", async () => (await cube.tasks()).every(({ name }) => name !== "marker"));
}

const alive = async (cube: Cube) =>
  (await cube.containers()).filter(({ running }) => running).map(({ id, startedAt }) => ({ id, startedAt }));

describe.skipIf(dockerSwitchedOff())("e2e: a crash", () => {
  beforeAll(requireDocker);

  test("e2e: after kill -9 and a new start every task is known, adopted, and was never restarted", async () => {
    await using cube = await Cube.start();
    await startFive(cube);
    const containers = await alive(cube);
    const tasks = await cube.tasks();
    for (let round = 0; round < 2; round++) {
      await cube.end("SIGKILL");
      expect(await alive(cube)).toEqual(containers);
      await cube.start();
      await settled(cube);
    }
    expect(await alive(cube)).toEqual(containers);
    const facts = (all: typeof tasks) =>
      all.map(({ id, name, state, containerId, incarnation, restarts }) => ({
        ...{ id, name, state, containerId, incarnation, restarts },
      }));
    expect(facts(await cube.tasks())).toEqual(facts(tasks));
  }, 60_000);

  test("e2e: what died or was removed while Cube was away is started again once, the rest is left alone", async () => {
    await using cube = await Cube.start();
    await startFive(cube);
    const before = await cube.tasks();
    const containerOf = (name: string) => before.find((task) => task.name === name)?.containerId ?? "";
    const untouched = ["c", "d", "e"].map(containerOf);
    await cube.end("SIGKILL");
    await cube.engine.kill(containerOf("a"));
    await cube.engine.remove(containerOf("b"));
    await cube.start();
    const again = (name: string) =>
      cube.task(name, (task) => task.state === "running" && task.containerId !== containerOf(name), "runs again");
    expect(await again("a")).toMatchObject({ restarts: 1, incarnation: 2, exits: [{ code: 137 }] });
    expect(await again("b")).toMatchObject({ restarts: 1, incarnation: 2 });
    await settled(cube);
    const running = (await alive(cube)).map(({ id }) => id);
    expect(running.length).toBe(5);
    expect(untouched.every((id) => running.includes(id))).toBe(true);
    expect((await cube.tasks()).map(({ restarts }) => restarts).sort()).toEqual([0, 0, 0, 1, 1]);
  }, 60_000);

  test("e2e: kill -9 in the middle of submissions loses nothing that was accepted and starts nothing twice", async () => {
    await using cube = await Cube.start();
    const accepted: string[] = [];
    const submitting = (async () => {
      for (let i = 0; i < 40; i++) {
        const { code, stdout } = await cube.cli(
          "run",
          TEST_IMAGE,
          "--name",
          `s${i}`,
          "--restart",
          "always",
          "--",
          "sleep",
          "1000",
        );
        if (code !== 0) return;
        accepted.push(stdout.trim());
        if (accepted.length === 6) cube.child?.kill("SIGKILL");
      }
    })();
    await submitting;
    await cube.end("SIGKILL");
    await cube.start();
    await until("all that was accepted runs", async () => {
      const running = (await cube.tasks()).filter(({ state }) => state === "running").map(({ jobId }) => jobId);
      return accepted.every((id) => running.includes(id));
    });
    const tasks = (await cube.containers())
      .filter(({ running }) => running)
      .map(({ labels }) => labels["io.cube.task"]);
    expect(new Set(tasks).size).toBe(tasks.length);
  }, 60_000);
});
