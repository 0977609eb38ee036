import { expect, test } from "bun:test";
import { aJob, anEvent, aTask } from "./fake-client.ts";
import { FakeShell, until } from "./fake-shell.ts";

test("cli/run --wait: ends once a checked service is healthy, and tells what it waits for", async () => {
  using shell = new FakeShell();
  shell.client.jobList = [aJob({ id: "job-1" })];
  const running = shell.run(
    "run",
    "--wait",
    "--restart",
    "always",
    "-p",
    "80",
    "--health-tcp",
    "80",
    "--name",
    "web",
    "nginx",
  );
  await until(() => shell.client.watched);
  const steps = [
    { state: "pending", reason: "1 node: lacks memory" },
    { state: "running" },
    { state: "running", health: "healthy" },
  ] as const;
  steps.forEach((step, index) => {
    const task = aTask({ jobId: "job-1", ...step });
    shell.client.tell({ kind: "event", event: anEvent(index + 1, { jobId: "job-1", taskId: task.id, task }) });
  });
  expect(await running).toEqual({ code: 0, out: "job-1\n", err: "web pending: 1 node: lacks memory\nweb running\n" });
});

test("cli/run --wait: a task that fails is an error with its exit code", async () => {
  using shell = new FakeShell();
  const exits = [{ incarnation: 1, code: 7, oomKilled: false, reason: "ended", atMs: 0 }];
  shell.client.jobList = [aJob({ id: "job-1" })];
  shell.client.taskList = [aTask({ jobId: "job-1", state: "failed", exits })];
  expect(await shell.run("run", "--wait", "--name", "web", "nginx")).toEqual({
    code: 1,
    out: "job-1\n",
    err: "cube: web failed (exit code 7): ended\ncube logs web shows its output, cube why web its placement\n",
  });
});

test("cli/run --wait: an interrupt ends the wait with 130 and without a word", async () => {
  using shell = new FakeShell();
  shell.client.jobList = [aJob({ id: "job-1" })];
  const running = shell.run("run", "--wait", "--name", "web", "nginx");
  await until(() => shell.client.watched);
  shell.interrupt(130);
  expect(await running).toEqual({ code: 130, out: "job-1\n", err: "" });
  expect(shell.client.closed).toBe(true);
});
