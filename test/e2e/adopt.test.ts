import { beforeAll, describe, expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

const NAMES = ["a", "b", "c"];
const STORE = ["store", "store.json", "store.acked"];

async function startThree(cube: Cube): Promise<void> {
  for (const name of NAMES)
    await cube.ok("run", TEST_IMAGE, "--name", name, "--restart", "always", "--", "sleep", "1000");
  for (const name of NAMES) await cube.state(name, "running");
}

const alive = async (cube: Cube) =>
  (await cube.containers()).filter(({ running }) => running).map(({ id, startedAt }) => ({ id, startedAt }));

/** What the manager says of a worker that does not follow it. */
const refusal = (cube: Cube) =>
  until("the worker refuses", async () => {
    const { caution = "" } = await cube.manager();
    return caution.includes("refuses this manager") ? caution : undefined;
  });

const facts = async (cube: Cube) =>
  (await cube.tasks())
    .map(({ id, name, state, containerId, incarnation, restarts }) => ({
      id,
      name,
      state,
      containerId,
      incarnation,
      restarts,
    }))
    .sort((x, y) => (x.name < y.name ? -1 : 1));

describe.skipIf(dockerSwitchedOff())("e2e: a lost store", () => {
  beforeAll(requireDocker);

  test("e2e: with an emptied store nothing is killed and the way out is named; with --adopt every task is known and untouched", async () => {
    await using cube = await Cube.start();
    await startThree(cube);
    const [containers, tasks] = [await alive(cube), await facts(cube)];
    await cube.end();
    for (const name of STORE) rmSync(join(cube.dataDir, name), { recursive: true });
    await cube.start();
    expect(await refusal(cube)).toMatch(/put the newer data directory back, or start the manager once with --adopt/);
    expect((await cube.nodes())[0]?.reason).toContain("refuses this manager");
    expect(await cube.ok("node")).toContain("refuses this manager");
    expect((await cube.cli("status")).stderr).toContain("its data was emptied or replaced");
    expect(await cube.tasks()).toEqual([]);
    expect(await alive(cube)).toEqual(containers);
    await cube.end();
    await cube.start("--adopt");
    const adopting = cube.child;
    expect(await facts(cube)).toEqual(tasks);
    await cube.ok("restart", "a");
    await cube.task("a", (task) => task.incarnation === 2 && task.state === "running", "restarts when asked");
    const untouched = (await alive(cube)).filter(({ id }) => containers.some((before) => before.id === id));
    expect(untouched).toEqual(containers.filter(({ id }) => id !== tasks[0]?.containerId));
    await cube.end();
    const said = await new Response(adopting?.stderr).text();
    expect(said).toMatch(/node \S+ runs 3 tasks: /);
    expect(said).toContain("adopted from 1 node: 3 jobs and 3 tasks that the store did not know");
    await cube.start();
    expect((await cube.manager()).caution ?? "").not.toContain("refuses");
    expect((await facts(cube)).map(({ state }) => state)).toEqual(["running", "running", "running"]);
  }, 60_000);

  test("e2e: with an older copy of the store nothing is killed; with --adopt what it did not know is known", async () => {
    await using cube = await Cube.start();
    await cube.ok("run", TEST_IMAGE, "--name", "a", "--restart", "always", "--", "sleep", "1000");
    await cube.state("a", "running");
    await cube.end();
    const copy = join(cube.home, "copy");
    for (const name of STORE) cpSync(join(cube.dataDir, name), join(copy, name), { recursive: true });
    await cube.start();
    for (const name of ["b", "c"])
      await cube.ok("run", TEST_IMAGE, "--name", name, "--restart", "always", "--", "sleep", "1000");
    for (const name of NAMES) await cube.state(name, "running");
    const [containers, tasks] = [await alive(cube), await facts(cube)];
    await cube.end();
    for (const name of STORE) {
      rmSync(join(cube.dataDir, name), { recursive: true });
      cpSync(join(copy, name), join(cube.dataDir, name), { recursive: true });
    }
    await cube.start();
    await refusal(cube);
    expect((await cube.tasks()).map(({ name }) => name)).toEqual(["a"]);
    expect(await alive(cube)).toEqual(containers);
    await cube.end();
    await cube.start("--adopt");
    expect(await facts(cube)).toEqual(tasks);
    expect(await alive(cube)).toEqual(containers);
  }, 60_000);

  test("e2e: an older copy that has grown past what the worker has seen kills nothing either", async () => {
    await using cube = await Cube.start();
    await cube.ok("run", TEST_IMAGE, "--name", "a", "--restart", "always", "--", "sleep", "1000");
    await cube.state("a", "running");
    await cube.end();
    const copy = join(cube.home, "copy");
    for (const name of STORE) cpSync(join(cube.dataDir, name), join(copy, name), { recursive: true });
    await cube.start();
    for (const name of ["b", "c"])
      await cube.ok("run", TEST_IMAGE, "--name", name, "--restart", "always", "--", "sleep", "1000");
    for (const name of NAMES) await cube.state(name, "running");
    const [containers, { revision }] = [await alive(cube), await cube.manager()];
    await cube.end();
    for (const name of STORE) {
      rmSync(join(cube.dataDir, name), { recursive: true });
      cpSync(join(copy, name), join(cube.dataDir, name), { recursive: true });
    }
    // Without its worker it is started again and again and given work, until it has more terms and revisions than it had.
    for (let opening = 0; opening < 3; opening++) {
      await cube.start("--no-local-worker");
      for (let job = 0; job < 12; job++) await cube.ok("run", TEST_IMAGE, "--name", `n${opening}-${job}`, "--", "true");
      if (opening === 2) expect((await cube.manager()).revision).toBeGreaterThan(revision + 10);
      await cube.end();
    }
    await cube.start();
    expect(await refusal(cube)).toContain("does not go back to what this node has seen");
    expect(await alive(cube)).toEqual(containers);
  }, 120_000);

  test("e2e: --adopt without a worker that answers changes nothing and says so", async () => {
    await using cube = new Cube();
    const { code, stderr } = await cube.fails("--adopt", "--no-local-worker");
    expect(code).toBe(1);
    expect(stderr).toContain("no worker has answered");
  }, 60_000);
});
