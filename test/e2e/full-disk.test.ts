import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { fullDiskSwitchedOff, makeSmallDisk } from "../store/small-disk.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

describe.skipIf(dockerSwitchedOff() || fullDiskSwitchedOff())("e2e: the disk full", () => {
  beforeAll(requireDocker);

  test("e2e: a full disk is said, refuses what is new, harms no task, loses nothing, and goes on by itself", async () => {
    using disk = makeSmallDisk("48m");
    await using cube = await Cube.start({ dataDir: join(disk.directory, "d") });
    await cube.ok("run", TEST_IMAGE, "--name", "steady", "--restart", "always", "--wait", "--", "sleep", "1000");
    const before = await cube.containers();
    disk.fillUp();
    const accepted: string[] = [];
    const refusal = await until("a submission is refused", async () => {
      const { code, stdout, stderr } = await submit(cube, `task-${accepted.length}`);
      if (code !== 0) return stderr;
      accepted.push(stdout.trim());
      return undefined;
    });
    expect(refusal).toMatch(/disk|space/i);
    const manager = await until("the manager says so", async () => {
      const found = await cube.manager();
      return found.health !== "ok" && found;
    });
    expect(manager.problem).toMatch(/disk|space/i);
    const status = await cube.cli("status");
    expect(status.stdout).toContain("steady");
    expect(status.stdout + status.stderr).toMatch(/disk|space/i);
    expect(await cube.containers()).toEqual(expect.arrayContaining(before));

    disk.free();
    await until("it takes tasks again", async () => (await submit(cube, "after")).code === 0);
    await cube.state("after", "running");
    const known = (await cube.tasks()).map(({ jobId }) => jobId);
    expect(accepted.filter((id) => !known.includes(id))).toEqual([]);
    await cube.end("SIGKILL");
    await cube.start();
    const afterRestart = (await cube.tasks()).map(({ jobId }) => jobId);
    expect(accepted.filter((id) => !afterRestart.includes(id))).toEqual([]);
    const steady = (await cube.containers()).find(({ id }) => id === before[0]?.id);
    expect(steady).toEqual(before[0]);
  }, 90_000);
});

function submit(cube: Cube, name: string) {
  return cube.cli("run", TEST_IMAGE, "--name", name, "--restart", "always", "--", "sleep", "1000");
}
