// The UI in tmux: a second, independent emulator, and the one that many people work in.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(60_000);

const FIXTURE = join(import.meta.dir, "programs/fixture-ui.ts");
// A server of its own for each test: a killed one takes a moment to go.
let servers = 0;
let server = "";

function tmux(...words: string[]): string {
  const run = Bun.spawnSync(["tmux", "-L", server, "-f", "/dev/null", ...words], { stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(`tmux ${words.join(" ")}: ${run.stderr.toString()}`);
  return run.stdout.toString();
}

const screen = (): string => tmux("capture-pane", "-p", "-t", "ui");

async function until(wanted: string | RegExp): Promise<void> {
  const begin = performance.now();
  for (;;) {
    const text = screen();
    if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) return;
    if (performance.now() - begin > 20_000) throw new Error(`never saw ${String(wanted)}\n${text}`);
    await Bun.sleep(20);
  }
}

const press = (...keys: string[]): string => tmux("send-keys", "-t", "ui", ...keys);

function start(cols: number, rows: number): void {
  server = `cube-test-${process.pid}-${++servers}`;
  const command = `env -i HOME=/tmp PATH=/usr/bin:/bin LANG=C.UTF-8 TERM=tmux-256color '${process.execPath}' '${FIXTURE}'; echo EXIT=$?; exec cat`;
  tmux("new-session", "-d", "-x", String(cols), "-y", String(rows), "-s", "ui", command);
  tmux("set", "-g", "status", "off");
  tmux("set", "-sg", "escape-time", "0");
}

afterEach(() => {
  Bun.spawnSync(["tmux", "-L", server, "kill-server"]);
});

describe("tmux", () => {
  test("shows borders as lines, takes keys, follows a resize, and gets its terminal back", async () => {
    start(120, 40);
    await until("q leave");
    press("j", "j");
    await until("3 Scores: import");
    press("/");
    press("-l", "db");
    await until("1/8 tasks");
    press("Escape");
    await until("by name");
    tmux("resize-window", "-t", "ui", "-x", "80", "-y", "24");
    await until(/q leave\s*$/);
    // tmux tells of a resize before the program has drawn: the right border is the last to be in its place.
    await until(/^┗━+.*┛└─+┘$/m);
    expect(screen()).not.toMatch(/lqqq|qqqk/);
    expect(
      tmux("display", "-p", "-t", "ui", "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag}").trim(),
    ).toBe("1 0 1 1");
    press("?");
    await until("type to filter");
    press("?");
    await until("q leave");
    press("q");
    await until("EXIT=0");
    expect(tmux("display", "-p", "-t", "ui", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").trim()).toBe("0 1 0");
  });

  test("leaves tmux's own window as it was after SIGKILL", async () => {
    start(80, 24);
    await until("q leave");
    const shell = tmux("display", "-p", "-t", "ui", "#{pane_pid}").trim();
    const pid = Bun.spawnSync(["pgrep", "-P", shell]).stdout.toString().trim().split("\n")[0];
    process.kill(Number(pid), "SIGKILL");
    // The shell's own line may have gone to the screen that is given back a moment later: only the restored one counts.
    await until("the terminal was restored");
    expect(tmux("display", "-p", "-t", "ui", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").trim()).toBe("0 1 0");
  });
});
