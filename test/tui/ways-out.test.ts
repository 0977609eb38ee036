// Every way out of the UI leaves the terminal as it was: modes, screen, echo, and the message that says why.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { belowShell, Tty } from "../terminal/tty.ts";

// A busy machine is slow; a wait that is over sooner costs nothing.
setDefaultTimeout(60_000);

const FIXTURE = join(import.meta.dir, "programs/fixture-ui.ts");
const given = { alternate: false, mouse: "none", cursorHidden: false, applicationKeys: false, bracketedPaste: false };

/** The UI under a shell, as a person has it: what the shell says afterwards shows the terminal's settings and the exit code. */
async function open(env: Record<string, string> = {}): Promise<Tty> {
  const settings = "stty -a | tr ';' '\\n' | grep -wE -- '-?icanon|-?echo'";
  const [shell = "", flag = "", script = "", ...words] = belowShell([process.execPath, FIXTURE], settings);
  const tty = new Tty([shell, flag, `echo before; ${script}`, ...words], { cols: 100, rows: 30, env });
  await tty.until("q leave");
  await tty.quiet(60);
  return tty;
}

/** Process ids below the shell: the UI's own. */
function uiPid(tty: Tty): number {
  const children = readFileSync(`/proc/${tty.process.pid}/task/${tty.process.pid}/children`, "utf8").trim();
  return Number(children.split(" ")[0]);
}

/** The terminal after the end, with the settings that the shell saw. */
async function after(tty: Tty): Promise<string> {
  await tty.until(/^end$/m);
  expect(tty.state()).toEqual(given);
  const text = tty.text();
  expect(text).toMatch(/(^|\s)icanon/m);
  expect(text).toMatch(/(^|\s)echo(\s|$)/m);
  expect(text).toContain("before");
  return text;
}

async function until(condition: () => boolean): Promise<void> {
  const begin = performance.now();
  while (!condition()) {
    if (performance.now() - begin > 30_000) throw new Error("it never came");
    await Bun.sleep(10);
  }
}

/** True for a process that is gone, or dead and not yet fetched by its stopped parent. */
function hasEnded(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

describe("ways out", () => {
  test("q leaves, and the manager may go on", async () => {
    await using tty = await open();
    tty.send("q");
    const text = await after(tty);
    expect(text).toContain("ended: leave -");
    expect(text).toContain("code=0");
  });

  test("Ctrl-c leaves too", async () => {
    await using tty = await open();
    tty.send("\x03");
    expect(await after(tty)).toContain("code=0");
  });

  test("Q and y stop the manager", async () => {
    await using tty = await open();
    tty.send("Q");
    await tty.until("Stop the manager?");
    tty.send("y");
    expect(await after(tty)).toContain("ended: stop -");
  });

  for (const [signal, code, quit] of [
    ["SIGTERM", 143, "stop"],
    ["SIGINT", 130, "stop"],
    ["SIGQUIT", 131, "stop"],
    ["SIGHUP", 129, "leave"],
    ["SIGUSR1", 138, "stop"],
    ["SIGPIPE", 141, "stop"],
  ] as const) {
    test(`${signal} ends it in good order with code ${code}`, async () => {
      await using tty = await open();
      process.kill(uiPid(tty), signal);
      const text = await after(tty);
      expect(text).toContain(`ended: ${quit} ${signal}`);
      expect(text).toContain(`code=${code}`);
    });
  }

  for (const signal of ["SIGKILL", "SIGSEGV"] as const) {
    test(`${signal} leaves the terminal to the watchdog, which restores it`, async () => {
      await using tty = await open();
      process.kill(uiPid(tty), signal);
      await tty.until("the terminal was restored");
      await tty.until(/code=\d+/);
      await tty.until(/^end$/m);
      expect(tty.state()).toEqual(given);
    });
  }

  test("an exception restores the terminal first and then says what it was", async () => {
    await using tty = await open({ FIXTURE_THROW_AFTER: "1500" });
    const text = await after(tty);
    expect(text).toContain("a fault on purpose");
    expect(text).toContain("code=1");
  });

  test("a terminal that stops reading stops neither the loop nor the end", async () => {
    const dir = mkdtempSync(join(tmpdir(), "cube-tui-"));
    const file = join(dir, "gaps");
    const host = Bun.spawn(
      [process.execPath, join(import.meta.dir, "programs/stall-host.ts"), process.execPath, FIXTURE],
      {
        env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/tmp", FIXTURE_GAPS: file },
        stdout: "pipe",
      },
    );
    const { value } = await host.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    const gaps = (): number[] => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : []);
    try {
      await until(() => gaps().length > 20);
      host.kill("SIGSTOP");
      const from = gaps().length;
      // The figures change with every turn, so each would be drawn: far more than the buffer of a pty holds.
      await until(() => gaps().length > from + 200);
      const calm = gaps()
        .slice(from)
        .filter((gap) => gap < 100).length;
      expect(calm).toBeGreaterThan(180);
      process.kill(pid, "SIGTERM");
      await until(() => hasEnded(pid));
    } finally {
      if (!hasEnded(pid)) process.kill(pid, "SIGKILL");
      host.kill("SIGCONT");
      await host.exited;
      rmSync(dir, { recursive: true });
    }
    expect(host.exitCode).toBe(143);
  });

  test("SIGTSTP is refused, and after SIGSTOP and SIGCONT the whole screen is drawn again", async () => {
    await using tty = await open();
    const pid = uiPid(tty);
    process.kill(pid, "SIGTSTP");
    tty.send("?");
    await tty.until("type to filter");
    process.kill(pid, "SIGSTOP");
    tty.emulator.write("\x1b[?1049l\x1b[?25hgarbage of another program");
    await tty.until("garbage");
    process.kill(pid, "SIGCONT");
    await tty.until("type to filter");
    await tty.untilGone("garbage");
    expect(tty.state()).toMatchObject({ alternate: true, cursorHidden: true });
    tty.send("?q");
    expect(await after(tty)).toContain("code=0");
  });

  test("a terminal that is none is refused with one line and code 2", async () => {
    const run = Bun.spawnSync([process.execPath, FIXTURE], {
      env: { PATH: "/usr/bin:/bin", TERM: "xterm" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    expect([run.exitCode, run.stderr.toString().trim().split("\n").length]).toEqual([2, 1]);
    expect(run.stderr.toString()).toContain("standard input is not a terminal; use `cube --headless all`");
  });

  test("TERM=dumb is refused with one line and code 2", async () => {
    await using tty = new Tty([process.execPath, FIXTURE], { term: "dumb" });
    expect(await tty.exit()).toBe(2);
    expect(tty.text()).toContain("TERM=dumb cannot place text on the screen");
  });
});
