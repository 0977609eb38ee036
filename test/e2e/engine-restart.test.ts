import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { PrivateEngine } from "./private-engine.ts";
import { until } from "./until.ts";

const NAMES = ["a", "b", "c"];

async function startTasks(cube: Cube): Promise<void> {
  for (const name of NAMES) {
    await cube.ok("run", TEST_IMAGE, "--name", name, "--network", "none", "--restart", "always", "--", "sleep", "1000");
  }
  await until("all run", async () => (await running(cube)).length === NAMES.length);
}

const running = async (cube: Cube) => (await cube.containers()).filter((container) => container.running);

/** Says how the docker runtime of the node is: "" for well. */
const dockerProblem = async (cube: Cube) =>
  (await cube.nodes())[0]?.runtimes.find(({ kind }) => kind === "docker")?.problem ?? "";

describe.skipIf(dockerSwitchedOff() || process.getuid?.() !== 0)("e2e: the engine restarted", () => {
  beforeAll(requireDocker);

  test("e2e: tasks that ended with their engine all run again when it is back, none of them twice", async () => {
    await using engine = await PrivateEngine.start();
    await using cube = await Cube.start({ engine });
    await startTasks(cube);
    const before = (await running(cube)).map(({ id, startedAt }) => `${id} ${startedAt}`);
    await engine.stop();
    await until("the node says that its engine is away", async () => (await dockerProblem(cube)) !== "");
    await engine.start();
    await until(
      "all tasks run again",
      async () => {
        const tasks = await cube.tasks();
        const fresh = (await running(cube)).filter(({ id, startedAt }) => !before.includes(`${id} ${startedAt}`));
        return (
          fresh.length === NAMES.length && tasks.every(({ state, restarts }) => state === "running" && restarts > 0)
        );
      },
      { onFailure: () => cube.log() },
    );
    await until("the node's engine is well", async () => (await dockerProblem(cube)) === "");
    const labels = (await running(cube)).map(({ labels }) => labels["io.cube.task"]);
    expect(new Set(labels).size).toBe(NAMES.length);
    expect(labels.length).toBe(NAMES.length);
    expect((await cube.tasks()).length).toBe(NAMES.length);
  }, 90_000);

  test("e2e: an engine that is killed and keeps its containers comes back, and nothing is restarted", async () => {
    await using engine = await PrivateEngine.start("--live-restore");
    await using cube = await Cube.start({ engine });
    await startTasks(cube);
    const before = await running(cube);
    await engine.crash();
    await until("the node says that its engine is away", async () => (await dockerProblem(cube)) !== "");
    await engine.start();
    await until("the node's engine is well", async () => (await dockerProblem(cube)) === "");
    // A task that starts and ends now shows that the worker has looked at everything again.
    await cube.complete("marker", "--network", "none", TEST_IMAGE, "--", "true");
    expect(await running(cube)).toEqual(before);
    const tasks = (await cube.tasks()).filter(({ name }) => name !== "marker");
    expect(tasks.map(({ state, restarts }) => ({ state, restarts }))).toEqual(
      NAMES.map(() => ({ state: "running" as const, restarts: 0 })),
    );
  }, 90_000);

  test("e2e: a followed log goes on when its engine was killed and is back, with no line twice and none left out", async () => {
    await using engine = await PrivateEngine.start("--live-restore");
    await using cube = await Cube.start({ engine });
    const count = "i=0; while true; do i=$((i+1)); echo $i; sleep 0.1; done";
    await cube.ok("run", TEST_IMAGE, "--name", "count", "--network", "none", "--", "sh", "-c", count);
    const following = cube.follow("logs", "-f", "count");
    const numbers: number[] = [];
    const reading = (async () => {
      const decoder = new TextDecoder();
      let rest = "";
      for await (const chunk of following.stdout) {
        const lines = (rest + decoder.decode(chunk)).split("\n");
        rest = lines.pop() ?? "";
        numbers.push(...lines.map(Number));
      }
    })();
    await until("the first lines are there", () => numbers.length >= 5);
    await engine.crash();
    await until("the node says that its engine is away", async () => (await dockerProblem(cube)) !== "");
    await engine.start();
    const before = numbers.length;
    await until("the log goes on", () => numbers.length >= before + 20);
    following.kill();
    await reading;
    expect(numbers).toEqual(Array.from(numbers, (_, at) => at + 1));
  }, 90_000);

  test("e2e: an engine that comes late gets what waits for it, and what was stopped or removed while it was away", async () => {
    await using engine = await PrivateEngine.start();
    await engine.stop();
    await using cube = await Cube.start({ engine });
    const rest = ["--network", "none", "--restart", "always", "--", "sleep", "1000"];
    for (const name of ["a", "b"]) await cube.ok("run", TEST_IMAGE, "--name", name, ...rest);
    expect((await cube.task("a", ({ reason }) => reason !== "", "says why it waits")).reason).toContain("docker");
    await engine.start();
    for (const name of ["a", "b"]) await cube.state(name, "running");

    await engine.stop();
    await until("the node says that its engine is away", async () => (await dockerProblem(cube)) !== "");
    await cube.ok("stop", "a");
    await cube.ok("rm", "b");
    await engine.start();
    await cube.state("a", "stopped");
    await until("only the stopped one is left", async () => {
      const left = await cube.containers();
      return left.every((container) => container.name.startsWith("cube-a-") && !container.running);
    });
    expect((await cube.tasks()).map(({ name }) => name)).toEqual(["a"]);
  }, 90_000);
});
