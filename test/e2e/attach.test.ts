import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

async function runBox(cube: Cube): Promise<void> {
  await until("the manager answers", async () => (await cube.nodes()).length > 0);
  await cube.ok("run", TEST_IMAGE, "--name", "box", "--restart", "always", "--wait", "--", "sleep", "1000");
}

describe.skipIf(dockerSwitchedOff())("e2e: one manager a data directory", () => {
  beforeAll(requireDocker);

  test("e2e: q leaves manager and tasks in the background, another cube attaches to it, and shutdown ends it", async () => {
    await using cube = new Cube();
    const first = cube.screen();
    await first.until("manager ok");
    await runBox(cube);
    const before = await cube.containers();
    await first.until("box");
    first.send("q");
    expect(await first.exit()).toBe(0);
    const pid = Number(/background \(pid (\d+)\)/.exec(first.text().replaceAll("\n", ""))?.[1]);
    expect(first.text()).toContain("cube shutdown");
    expect(await cube.manager()).toMatchObject({ pid, health: "ok" });
    expect(await cube.containers()).toEqual(before);

    const second = cube.screen();
    await second.until("box");
    await second.until("attached");
    second.send("q");
    expect(await second.exit()).toBe(0);
    expect(await cube.manager()).toMatchObject({ pid });

    await cube.ok("shutdown");
    await until("its process has ended", () => !cube.pids().includes(pid));
    expect(await cube.containers()).toEqual(before);
    expect(await cube.cli("status")).toMatchObject({ code: 1, stderr: expect.stringContaining("no manager answers") });
  }, 90_000);

  test("e2e: Q stops the manager, says what that means, and the next cube finds the task as it was", async () => {
    await using cube = new Cube();
    const screen = cube.screen();
    await screen.until("manager ok");
    await runBox(cube);
    const before = await cube.containers();
    await screen.until("box");
    screen.send("Q");
    await screen.until(/stop/i);
    screen.send("y");
    expect(await screen.exit()).toBe(0);
    expect(screen.text().replaceAll("\n", " ")).toMatch(/manager is stopped.*1 task goes\s+on without health checks/);
    expect(cube.pids()).toEqual([]);
    expect(await cube.containers()).toEqual(before);
    await cube.start();
    expect(await cube.state("box", "running")).toMatchObject({ restarts: 0, containerId: before[0]?.id ?? "" });
  }, 90_000);

  test("e2e: an attached screen says that its manager is away, and goes on by itself when it is back", async () => {
    await using cube = await Cube.start();
    await runBox(cube);
    const screen = cube.screen({ args: ["attach"], cols: 80, rows: 24 });
    await screen.until("box");
    await cube.end("SIGKILL");
    await screen.until("manager out of reach");
    await cube.start();
    await screen.until("manager ok");
    await cube.ok("run", TEST_IMAGE, "--name", "later", "--restart", "always", "--", "sleep", "1000");
    await screen.until(/^[┃│][^0-9]{0,4}later .*running/m);
    screen.send("q");
    expect(await screen.exit()).toBe(0);
    expect(await cube.manager()).toMatchObject({ health: "ok" });
  }, 60_000);

  test("e2e: a second headless cube on the same data directory is refused and says who has it", async () => {
    await using cube = await Cube.start();
    const { pid } = await cube.manager();
    const second = await cube.fails();
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(String(pid));
    expect(await cube.manager()).toMatchObject({ pid, health: "ok" });
    process.kill(pid, "SIGTERM");
    await until("the first has ended", () => !cube.pids().includes(pid));
  }, 60_000);
});
