import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Cube } from "./cube.ts";
import { Engine } from "./engine.ts";
import { until } from "./until.ts";

/** On a machine without an engine: nothing listens there, and nothing is there to clean up. */
const NO_ENGINE = new Engine("/nonexistent/docker.sock");

/** Writes its pid and counts its lines, and takes its time to end when it is asked to. */
const SCRIPT = `
trap 'echo ending; echo gracefully; exit 5' TERM
echo started
echo $$ > "$PIDFILE"
while true; do sleep 0.05; done
`;

async function startProcess(cube: Cube, ...flags: string[]): Promise<number> {
  const file = join(cube.home, "pid");
  const run = ["run", "--runtime", "process", "--name", "proc", "-e", `PIDFILE=${file}`, ...flags];
  await cube.ok(...run, "--", "sh", "-c", SCRIPT);
  await cube.state("proc", "running");
  return until("it has written its pid", () => existsSync(file) && Number(readFileSync(file, "utf8")));
}

describe("e2e: plain processes, without an engine", () => {
  test("e2e: a process survives kill -9 of Cube, is adopted, keeps its logs, and is stopped with grace", async () => {
    await using cube = await Cube.start({ engine: NO_ENGINE });
    const pid = await startProcess(cube, "--restart", "always");
    await cube.end("SIGKILL");
    expect(alive(pid)).toBe(true);
    await cube.start();
    expect(await cube.state("proc", "running")).toMatchObject({ restarts: 0, incarnation: 1 });
    expect(alive(pid)).toBe(true);
    expect(await cube.ok("logs", "proc")).toBe("started");
    expect(await cube.ok("exec", "proc", "--", "echo", "beside it")).toBe("beside it");
    await cube.ok("stop", "proc");
    await cube.state("proc", "stopped");
    expect(alive(pid)).toBe(false);
    expect(await cube.ok("logs", "proc")).toBe("started\nending\ngracefully");
  }, 60_000);

  test("e2e: one that died while Cube was away is known by its exit code and started again once", async () => {
    await using cube = await Cube.start({ engine: NO_ENGINE });
    const pid = await startProcess(cube, "--restart", "always");
    await cube.end("SIGKILL");
    process.kill(pid, "SIGTERM");
    await until("it has ended", () => !alive(pid));
    await cube.start();
    const task = await cube.task(
      "proc",
      ({ incarnation, state }) => incarnation === 2 && state === "running",
      "runs again",
    );
    expect(task).toMatchObject({ restarts: 1, exits: [{ code: 5 }] });
  }, 60_000);

  test("e2e: without an engine the node says so, and a task that needs one waits with the reason", async () => {
    await using cube = await Cube.start({ engine: NO_ENGINE });
    const shown = await cube.cli("node");
    expect(shown).toMatchObject({ code: 0, stderr: expect.stringMatching(/docker: no container engine answers/) });
    await cube.ok("run", "some/image", "--name", "box");
    const task = await cube.task("box", ({ reason }) => reason !== "", "says why it waits");
    expect(task.state).toBe("pending");
    expect(task.reason).toMatch(/docker/);
    expect(await cube.ok("why", "box")).toMatch(/docker/);
    await cube.ok("run", "--runtime", "process", "--name", "code", "--", "sh", "-c", "exit 4");
    expect(await cube.state("code", "failed")).toMatchObject({ exits: [{ code: 4 }] });
  }, 60_000);

  test("e2e: without an engine the screen says so, and its form starts a command", async () => {
    await using cube = new Cube({ engine: NO_ENGINE });
    const screen = cube.screen({ cols: 80, rows: 24 });
    await screen.until("Nothing runs here yet");
    await screen.until("ready");
    await until("the form knows that there is no engine", async () => {
      screen.send("a");
      await screen.until("Runtime");
      if (screen.text().includes("no container engine")) return true;
      screen.send("\u001b");
      await screen.untilGone("Runtime");
      return undefined;
    });
    screen.send("proc\t\tsh -c 'echo hello; exec sleep 1000'\r");
    await screen.until(/^[┃│][^0-9]{0,4}proc .*running/m);
    expect(await cube.state("proc", "running")).toMatchObject({ runtime: "process" });
    expect(await cube.ok("logs", "proc")).toBe("hello");
  }, 60_000);

  test("e2e: what a plain process cannot be held to is refused by name", async () => {
    await using cube = await Cube.start({ engine: NO_ENGINE });
    const refusals = [
      ["--memory", "64m", /^memory limit/],
      ["--cpus", "0.5", /^CPU limit/],
      ["-v", `${cube.home}:/x`, /^mount/],
      ["--network", "none", /^network/],
    ] as const;
    for (const [flag, value, words] of refusals) {
      await cube.ok("run", "--runtime", "process", "--name", "p", flag, value, "--", "sleep", "1000");
      const { message } = await cube.state("p", "rejected");
      expect(message).toMatch(words);
      expect(message).toContain("use the runtime docker");
      await cube.ok("rm", "p");
    }
  }, 60_000);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
