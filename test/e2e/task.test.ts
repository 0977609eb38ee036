import { beforeAll, describe, expect, test } from "bun:test";
import type { EventResource, NodeResource, TaskResource } from "../../src/client/resources.ts";
import type { Decision } from "../../src/core/decision.ts";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { freePort, until } from "./until.ts";

const SERVE = 'mkdir -p /w && echo "page of $HOSTNAME" > /w/index.html && echo serving && exec httpd -f -p 80 -h /w';

describe.skipIf(dockerSwitchedOff())("e2e: a task", () => {
  beforeAll(requireDocker);

  test("e2e: a task from the command line is placed, started, healthy and reachable, and every command shows it", async () => {
    await using cube = await Cube.start();
    const port = freePort();
    const run = ["run", TEST_IMAGE, "--name", "web", "-p", `127.0.0.1:${port}:80`, "--health-http", "/"];
    const id = await cube.ok(
      ...run,
      "--health-interval",
      "200ms",
      "--wait",
      "--restart",
      "always",
      "--",
      "sh",
      "-c",
      SERVE,
    );
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toStartWith("page of");

    const [task] = await cube.json<TaskResource[]>("status");
    expect(task).toMatchObject({
      jobId: id,
      name: "web",
      state: "running",
      health: "healthy",
      restarts: 0,
      image: TEST_IMAGE,
      ports: [{ containerPort: 80, hostPort: port, protocol: "tcp", hostIp: "127.0.0.1" }],
    });
    expect((await cube.ok("status")).split("\n")).toEqual([
      expect.stringMatching(/^ID +NAME +CREATED +STATE +CONTAINERNAME +IMAGE$/),
      expect.stringMatching(new RegExp(`^${id} +web +.* ago +running .* +${TEST_IMAGE}$`)),
    ]);
    const [container] = await cube.containers();
    expect(container?.id).toBe(task?.containerId ?? "");
    expect(container?.name).toBe(`cube-web-${task?.id.slice(0, 12)}-1`);

    const [node] = await cube.json<NodeResource[]>("node");
    expect(node).toMatchObject({ id: cube.nodeId(), tasks: 1, state: "ready", availability: "eligible" });
    expect(await cube.ok("node")).toMatch(/^NAME +MEMORY \(MiB\) +DISK \(GiB\) +ROLE +TASKS\n/);
    const decision = await cube.json<Decision>("why", "web");
    expect(decision).toMatchObject({ taskId: task?.id ?? "", nodeId: node?.id ?? "" });
    expect(await cube.ok("why", "web")).toContain(`placed on ${node?.name}`);
    expect(await cube.ok("logs", "web")).toBe("serving");
    const texts = (await cube.events()).map(({ text }) => text);
    for (const text of ["web is submitted", `web is placed on ${node?.name}`, "web is running"]) {
      expect(texts.some((each) => each.startsWith(text))).toBe(true);
    }
  }, 60_000);

  test("e2e: exec gives the command's output, input and exit code", async () => {
    await using cube = await Cube.start();
    await cube.ok("run", TEST_IMAGE, "--name", "box", "--", "sleep", "1000");
    await cube.state("box", "running");
    const ended = await cube.cli("exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
    expect(ended).toEqual({ code: 7, stdout: "out\n", stderr: "err\n" });
    const piped = await cube.cliWith({ input: "from outside\n" }, "exec", "-i", "box", "--", "cat");
    expect(piped).toEqual({ code: 0, stdout: "from outside\n", stderr: "" });
    const missing = await cube.cli("exec", "box", "--", "no-such-program");
    expect([126, 127]).toContain(missing.code);
    expect(missing.stdout + missing.stderr).toContain("no-such-program");
  }, 60_000);

  test("e2e: stop, start, restart and rm do what they say, and a removed task leaves nothing behind", async () => {
    await using cube = await Cube.start();
    await cube.ok("run", TEST_IMAGE, "--name", "box", "--restart", "always", "--wait", "--", "sleep", "1000");
    const [first] = await cube.containers();
    await cube.ok("stop", "box");
    const stopped = await cube.state("box", "stopped");
    expect(stopped).toMatchObject({ desired: "stop", restarts: 0 });
    expect((await cube.containers()).filter(({ running }) => running)).toEqual([]);

    await cube.ok("start", "box");
    const started = await cube.task("box", (task) => task.state === "running" && task.attempt === 2, "runs again");
    expect(started.containerId).not.toBe(first?.id ?? "");

    await cube.ok("restart", "box");
    const again = await cube.task("box", (task) => task.state === "running" && task.restarts === 1, "restarted");
    expect(again.containerId).not.toBe(started.containerId);

    await cube.ok("rm", "box");
    await until(
      "nothing is left",
      async () => (await cube.containers()).length === 0 && (await cube.tasks()).length === 0,
    );
    expect(await cube.cli("stop", "box")).toMatchObject({ code: 1, stderr: expect.stringContaining("box") });
  }, 60_000);

  test("e2e: events and logs follow until they are ended, and a batch task ends as complete with its exit code", async () => {
    await using cube = await Cube.start();
    const following = cube.follow("events", "-f", "--json");
    await cube.ok("run", TEST_IMAGE, "--name", "job", "--wait", "--", "sh", "-c", "echo one; echo two >&2");
    expect(await cube.state("job", "complete")).toMatchObject({ exits: [{ code: 0 }], restarts: 0 });
    expect((await cube.json<unknown>("why", "job")) as object).toHaveProperty("taskId");
    const lines: EventResource[] = [];
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of following.stdout) {
      const parts = (rest + decoder.decode(chunk)).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.map((line) => JSON.parse(line) as EventResource));
      if (lines.some(({ task }) => task?.state === "complete")) break;
    }
    following.kill("SIGINT");
    expect(await following.exited).toBe(130);
    const revisions = lines.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    const logs = (await cube.ok("logs", "job", "--json")).split("\n").map((line) => JSON.parse(line) as object);
    expect(logs).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ stream: "stdout", text: "one" }),
        expect.objectContaining({ stream: "stderr", text: "two" }),
      ]),
    );
    await cube.ok("run", TEST_IMAGE, "--name", "bad", "--", "sh", "-c", "exit 3");
    expect(await cube.state("bad", "failed")).toMatchObject({ exits: [{ code: 3 }], restarts: 0 });
  }, 60_000);
});
