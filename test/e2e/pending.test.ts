import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { freePort, until } from "./until.ts";

const SLEEP = ["--", "sleep", "1000"];

describe.skipIf(dockerSwitchedOff())("e2e: a task that does not fit", () => {
  beforeAll(requireDocker);

  test("e2e: it stays pending with its reasons, and is placed once another one makes room", async () => {
    await using cube = await Cube.start();
    const [node] = await until(
      "the node is there",
      async () => (await cube.nodes()).length > 0 && (await cube.nodes()),
    );
    const most = (node?.allocatable.cpuMillis ?? 0) / 1000;
    await cube.ok("run", TEST_IMAGE, "--name", "big", "--cpus", String(most), ...SLEEP);
    await cube.state("big", "running");
    await cube.ok("run", TEST_IMAGE, "--name", "small", "--cpus", "0.5", ...SLEEP);
    const pending = await cube.task("small", ({ reason }) => reason !== "", "says why it waits");
    expect(pending.state).toBe("pending");
    expect(pending.reason).toMatch(/lacks .*CPU/);
    expect(await cube.ok("why", "small")).toContain(pending.reason);
    expect((await cube.json<{ nodeId: string | null; refusals: object[] }>("why", "small")).nodeId ?? "").toBe("");
    await cube.ok("stop", "big");
    await cube.state("small", "running");
  }, 60_000);

  test("e2e: a size that no node will ever have, a port that is taken and an unknown label each say so", async () => {
    await using cube = await Cube.start();
    const port = freePort();
    await cube.ok("run", TEST_IMAGE, "--name", "first", "-p", `127.0.0.1:${port}:80`, ...SLEEP);
    await cube.state("first", "running");
    await cube.ok("run", TEST_IMAGE, "--name", "second", "-p", `127.0.0.1:${port}:80`, ...SLEEP);
    await cube.ok("run", TEST_IMAGE, "--name", "huge", "--memory", "900t", ...SLEEP);
    await cube.ok("run", TEST_IMAGE, "--name", "picky", "--constraint", "zone==moon", ...SLEEP);
    const reason = async (name: string) => (await cube.task(name, (task) => task.reason !== "", "says why")).reason;
    expect(await reason("second")).toContain(String(port));
    expect(await reason("huge")).toMatch(/memory/);
    expect(await reason("picky")).toMatch(/zone/);
    for (const name of ["second", "huge", "picky"]) expect(await cube.state(name, "pending")).toBeDefined();
    await cube.ok("rm", "first");
    await cube.state("second", "running");
    expect(
      (await cube.tasks())
        .filter(({ state }) => state === "pending")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["huge", "picky"]);
  }, 60_000);
});
