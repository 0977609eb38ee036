import { beforeAll, describe, expect, test } from "bun:test";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import type { Tty } from "../terminal/tty.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

const TICK = `sh -c 'n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.1; done'`;

/** The row of a running task in the table; lines of the events pane begin with a time. */
const RUNNING_BOX = /^[┃│][^0-9]{0,4}box .*running/m;

/** Fills the form for a new task and starts it, by keys alone. */
async function startByForm(screen: Tty, task: { readonly name: string; readonly command: string }): Promise<void> {
  screen.send("a");
  await screen.until("Image");
  screen.send(`${task.name}\t\t${TEST_IMAGE}\t${task.command}`);
  await screen.until(task.name);
  screen.send("\r");
}

async function opened(cube: Cube, size: { readonly cols: number; readonly rows: number }): Promise<Tty> {
  const screen = cube.screen(size);
  await screen.until("Nothing runs here yet");
  await screen.until("ready");
  return screen;
}

describe.skipIf(dockerSwitchedOff())("e2e: the terminal", () => {
  beforeAll(requireDocker);

  for (const [cols, rows] of [
    [80, 24],
    [120, 40],
    [200, 50],
  ] as const) {
    test(`e2e: ${cols}x${rows}: a task from the form is seen running, Cancel stops nothing, y stops it`, async () => {
      await using cube = new Cube();
      const screen = await opened(cube, { cols, rows });
      await startByForm(screen, { name: "box", command: TICK });
      await screen.until(RUNNING_BOX);
      expect(await cube.state("box", "running")).toMatchObject({ image: TEST_IMAGE, restarts: 0 });

      screen.send("x");
      await screen.until("Stop box?");
      screen.send("\r");
      await screen.untilGone("Stop box?");
      expect((await cube.state("box", "running")).desired).toBe("run");
      screen.send("x");
      await screen.until("Stop box?");
      screen.send("y");
      await screen.until(/^[┃│][^0-9]{0,4}box .*stop/m);
      await cube.state("box", "stopped");
      expect(screen.lines().every((line) => line.length <= cols)).toBe(true);
    }, 60_000);
  }

  test("e2e: logs follow, a shell answers, scores, filter, help, zoom and a resize work on the real thing", async () => {
    await using cube = new Cube();
    const screen = await opened(cube, { cols: 120, rows: 40 });
    await startByForm(screen, { name: "box", command: TICK });
    await screen.until(RUNNING_BOX);

    screen.send("l");
    await screen.until("tick 5");
    const seen = Number(/.*tick (\d+)/s.exec(screen.text())?.[1]);
    await screen.until(`tick ${seen + 5}`);
    screen.send("q");
    await screen.until("1 Tasks");

    screen.send("e");
    await screen.until(/[#$] $|[#$]$/m);
    screen.send("echo answer-$((40+2))\r");
    await screen.until("answer-42");
    screen.send("exit\r");
    await screen.until("1 Tasks");
    await screen.untilGone("answer-42");

    screen.send("w");
    await screen.until(/the only node that fits/);
    screen.send("q");
    await screen.until("1 Tasks");
    screen.send("/nothing-is-called-so\r");
    await screen.untilTrue(() => !RUNNING_BOX.test(screen.text()), "the filter hides it");
    screen.send("\u001b");
    await screen.until(RUNNING_BOX);
    screen.send("?");
    await screen.until("type to filter");
    screen.send("?");
    await screen.until("4 Events");
    screen.send("z");
    await screen.untilGone("4 Events");
    screen.send("z");
    await screen.until("4 Events");

    screen.resize(80, 24);
    await screen.until(/┛$|┘$/m);
    await screen.until(RUNNING_BOX);
    screen.resize(200, 50);
    await screen.until(RUNNING_BOX);
    await screen.untilTrue(() => screen.lines().some((line) => line.length > 190), "the whole width is used");

    screen.send("r");
    await screen.until("Restart box?");
    screen.send("y");
    await cube.task("box", ({ restarts, state }) => restarts === 1 && state === "running", "is restarted");
    screen.send("D");
    await screen.until("Delete box?");
    screen.send("y");
    await until("it is gone", async () => (await cube.tasks()).length === 0);
    await screen.until("Nothing runs here yet");
  }, 90_000);

  test("e2e: a task that another client starts, that fails and that comes back is seen without a key", async () => {
    await using cube = new Cube();
    const screen = await opened(cube, { cols: 120, rows: 40 });
    await cube.ok("run", TEST_IMAGE, "--name", "other", "--restart", "always", "--", "sleep", "1000");
    await screen.until(/^[┃│][^0-9]{0,4}other .*running/m);
    const { containerId } = await cube.state("other", "running");
    await cube.engine.kill(containerId);
    await cube.task("other", ({ restarts, state }) => restarts === 1 && state === "running", "runs again");
    await screen.until(/^[┃│][^0-9]{0,4}other .*running/m);
    await screen.until(/other .*137|exit code 137/);
  }, 60_000);
});
