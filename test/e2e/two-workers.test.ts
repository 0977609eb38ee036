import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

describe.skipIf(dockerSwitchedOff())("e2e: two workers on one engine", () => {
  beforeAll(requireDocker);

  test("e2e: neither touches the other's containers or foreign ones, through crashes and removals", async () => {
    await using one = await Cube.start();
    await using two = await Cube.start();
    const foreign = await one.engine.run(`foreign-${process.pid}`, {
      Image: TEST_IMAGE,
      Cmd: ["sleep", "1000"],
      Labels: { "io.cube.task": "looks-like-one-of-ours" },
    });
    try {
      for (const cube of [one, two]) {
        await cube.ok("run", TEST_IMAGE, "--name", "web", "--restart", "always", "--wait", "--", "sleep", "1000");
      }
      const [mine] = await one.containers();
      const [theirs] = await two.containers();
      expect(mine?.labels["io.cube.node"]).not.toBe(theirs?.labels["io.cube.node"] ?? "");
      await one.end("SIGKILL");
      await one.start();
      await one.complete("marker", TEST_IMAGE, "--", "true");
      await one.ok("rm", "web", "marker");
      await until("the first has removed its own", async () => (await one.containers()).length === 0);
      expect(await two.containers()).toEqual([theirs as NonNullable<typeof theirs>]);
      expect((await one.engine.inspect(foreign))?.running).toBe(true);
      expect((await two.tasks()).map(({ name, restarts }) => ({ name, restarts }))).toEqual([
        { name: "web", restarts: 0 },
      ]);
    } finally {
      await one.engine.remove(foreign);
    }
  }, 60_000);

  test("e2e: a foreign container that has our container's name is left alone, and the task says so", async () => {
    await using cube = await Cube.start();
    const [node] = await until(
      "the node is there",
      async () => (await cube.nodes()).length > 0 && (await cube.nodes()),
    );
    await cube.ok(
      "run",
      TEST_IMAGE,
      "--name",
      "big",
      "--cpus",
      String((node?.allocatable.cpuMillis ?? 0) / 1000),
      "--",
      "sleep",
      "1000",
    );
    await cube.state("big", "running");
    await cube.ok("run", TEST_IMAGE, "--name", "web", "--cpus", "0.5", "--", "sleep", "1000");
    const waiting = await cube.state("web", "pending");
    const name = `cube-web-${waiting.id.slice(0, 12)}-1`;
    const foreign = await cube.engine.run(name, { Image: TEST_IMAGE, Cmd: ["sleep", "1000"] });
    try {
      await cube.ok("stop", "big");
      const task = await cube.task(
        "web",
        ({ state, message }) => state !== "pending" && message.includes(name),
        "says so",
      );
      expect(task.message).toMatch(/name/);
      expect((await cube.engine.inspect(foreign))?.running).toBe(true);
    } finally {
      await cube.engine.remove(foreign);
    }
  }, 60_000);
});
