import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cubeBin } from "../setup/cube-bin.ts";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { belowShell, Tty } from "../terminal/tty.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

const WHOLE = { alternate: false, mouse: "none", cursorHidden: false, applicationKeys: false, bracketedPaste: false };
const STALL_HOST = join(import.meta.dir, "../tui/programs/stall-host.ts");

/** The UI below a shell, as a person has it: what the shell says afterwards shows the terminal's settings. */
function belowBash(cube: Cube): Tty {
  const settings = "stty -a | tr ';' '\\n' | grep -wE -- '-?icanon|-?echo'";
  return new Tty(belowShell([cubeBin(), ...cube.flags], settings), { cwd: cube.home, env: cube.env });
}

/** The UI's process, which is the shell's only child. */
function uiPid(screen: Tty): number {
  const file = `/proc/${screen.process.pid}/task/${screen.process.pid}/children`;
  return Number(readFileSync(file, "utf8").trim().split(" ")[0]);
}

describe.skipIf(dockerSwitchedOff())("e2e: ways out", () => {
  beforeAll(requireDocker);

  for (const signal of ["SIGTERM", "SIGHUP", "SIGKILL"] as const) {
    test(`e2e: ${signal} to the UI leaves the terminal whole and the task running, and it is adopted again`, async () => {
      await using cube = new Cube();
      await using screen = belowBash(cube);
      await screen.until("manager ok");
      await cube.ok("run", TEST_IMAGE, "--name", "box", "--restart", "always", "--wait", "--", "sleep", "1000");
      const before = await cube.containers();
      const pid = uiPid(screen);
      process.kill(pid, signal);
      await screen.until(/^end$/m);
      await screen.untilTrue(() => Bun.deepEquals(screen.state(), WHOLE), "the terminal is not whole");
      expect(screen.text()).toMatch(/(^|\s)icanon/m);
      expect(screen.text()).toMatch(/(^|\s)echo(\s|$)/m);
      expect(await cube.containers()).toEqual(before);
      if ((await answering(cube)) === null) await cube.start();
      expect(await cube.state("box", "running")).toMatchObject({ restarts: 0, containerId: before[0]?.id ?? "" });
    }, 60_000);
  }

  test("e2e: a terminal that nobody reads holds up neither the manager nor the tasks", async () => {
    await using cube = new Cube();
    const host = Bun.spawn([process.execPath, STALL_HOST, cubeBin(), ...cube.flags], {
      cwd: cube.home,
      env: cube.env,
      stdout: "pipe",
      stderr: "ignore",
    });
    try {
      await until("the manager answers", async () => (await cube.nodes()).length > 0);
      host.kill("SIGSTOP");
      for (let i = 0; i < 25; i++) {
        await cube.ok("run", "--runtime", "process", "--name", `p${i}`, "--restart", "always", "--", "sleep", "1000");
      }
      await until("all run", async () => (await cube.tasks()).filter(({ state }) => state === "running").length >= 15);
      const begin = performance.now();
      expect((await cube.manager()).health).toBe("ok");
      expect(performance.now() - begin).toBeLessThan(2_000);
    } finally {
      host.kill("SIGCONT");
      host.kill("SIGKILL");
      await host.exited;
    }
  }, 60_000);
});

/** The manager that answers now, or null. */
async function answering(cube: Cube): Promise<object | null> {
  try {
    return await cube.manager();
  } catch {
    return null;
  }
}
