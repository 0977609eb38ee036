// The UI as a person meets it: the real program in a real pty with a real terminal emulator, on a fake cluster.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { belowShell, Tty, type TtyOptions } from "../terminal/tty.ts";

// A busy machine is slow; a wait that is over sooner costs nothing.
setDefaultTimeout(60_000);

const FIXTURE = join(import.meta.dir, "programs/fixture-ui.ts");

/** Starts the fixture and waits for its first screen. */
async function open(options: TtyOptions = {}, first = "CUBE laptop"): Promise<Tty> {
  const tty = new Tty([process.execPath, FIXTURE], options);
  try {
    await tty.until(first);
  } catch (error) {
    await tty.end();
    throw error;
  }
  return tty;
}

const given = { alternate: false, mouse: "none", cursorHidden: false, applicationKeys: false, bracketedPaste: false };

/** Presses a key and waits for what it must bring. */
async function press(tty: Tty, keys: string, wanted: string | RegExp): Promise<void> {
  tty.send(keys);
  await tty.until(wanted);
}

const ESC = "\x1b";

describe("terminal", () => {
  for (const [cols, rows] of [
    [80, 24],
    [120, 40],
    [200, 50],
  ] as const) {
    test(`shows everything at ${cols}x${rows}, with straight edges and the keys in the last line`, async () => {
      await using tty = await open({ cols, rows });
      await tty.until("db is unhealthy");
      await tty.until("q leave");
      await tty.quiet();
      const lines = tty.lines();
      expect(lines.at(-1)).toContain("? help");
      expect(lines.slice(1, -1).filter((line) => !/[│┃┐┘┓┛]$/.test(line))).toEqual([]);
      for (const part of ["1 Tasks", "2 Nodes", "3 Scores", "4 Events", "▲ unhealthy", "↓ pulling", "✗ failed"])
        expect(tty.text()).toContain(part);
      tty.send("jj");
      await tty.until(/3 Scores: import/);
      expect(tty.inverseRows(3)).toContain(5);
    });
  }

  test("does what every key of the footer says", async () => {
    await using tty = new Tty(belowShell([process.execPath, FIXTURE]), { cols: 200, rows: 50 });
    await tty.until("q leave");
    await press(tty, "j", "3 Scores: db");
    await press(tty, "a", "New task");
    await press(tty, ESC, /^(?![\s\S]*New task)/);
    await press(tty, "\r", "How it ended before");
    await press(tty, "q", /^(?![\s\S]*How it ended before)/);
    await press(tty, "l", "Log of db");
    await press(tty, "q", "1 Tasks");
    await press(tty, "w", "Why is db on node-a?");
    await press(tty, "q", /^(?![\s\S]*Why is db)/);
    await press(tty, "x", "Stop db?");
    await press(tty, "\r", /^(?![\s\S]*Stop db\?)/);
    await press(tty, "x", "Stop db?");
    await press(tty, "y", "■ stopped");
    await press(tty, "s", /db +▲ unhealthy/);
    await press(tty, "r", "Restart db?");
    await press(tty, "y", "restarting db");
    await press(tty, "D", "Delete db?");
    await press(tty, "y", "deleting db");
    await tty.untilGone("postgres:17");
    await press(tty, "/", "7/7 tasks");
    await press(tty, "node-b", "2/7 tasks");
    await press(tty, "\r", "node-b  2/7");
    await press(tty, ESC, /━ 7 {2}by name/u);
    await press(tty, "?", "type to filter");
    await press(tty, "?", "q leave");
    await press(tty, "z", /^(?![\s\S]*2 Nodes)/);
    await press(tty, "z", "2 Nodes");
    await press(tty, "\t", /its tasks/);
    await press(tty, "c", "node-a takes no new tasks");
    await press(tty, "Q", "Stop the manager?");
    await press(tty, "n", "cordoned");
    tty.send("q");
    await tty.until("code=0");
    expect(tty.text()).toContain("ended: leave -");
    const text = tty.text().replaceAll("\n", "");
    for (const call of [
      '["stop","job-db"]',
      '["start","job-db"]',
      '["restart","task-db"]',
      '["remove","job-db"]',
      '["availability","node-id-a","cordoned"]',
    ]) {
      expect(text).toContain(call);
    }
  });

  test("starts a task from the form: the job that was typed reaches the cluster and its task the screen", async () => {
    const dir = mkdtempSync(join(tmpdir(), "cube-tui-"));
    const file = join(dir, "calls");
    await using tty = await open(
      { cols: 80, rows: 24, env: { FIXTURE: "empty", FIXTURE_CALLS: file } },
      "press a to start a task",
    );
    await press(tty, "a", "New task");
    tty.send("api\t\tnginx:1.29\t\t0.5\t\x1b[200~128m\n\x1b[201~\r");
    await tty.until(/api +● running/);
    await tty.until("3 Scores: api");
    tty.send("q");
    await tty.exit();
    const [[verb, spec]] = JSON.parse(readFileSync(file, "utf8")) as [
      [string, { name: string; services: [{ task: { image: string; resources: object } }] }],
    ];
    rmSync(dir, { recursive: true });
    expect([verb, spec.name, spec.services[0].task.image]).toEqual(["submit", "api", "nginx:1.29"]);
    expect(spec.services[0].task.resources).toEqual({ cpuMillis: 500, memoryBytes: 128 * 1024 * 1024, diskBytes: 0 });
  });

  test("shows a refusal in one red line with its code, never over the panes", async () => {
    await using tty = await open({ env: { FIXTURE_REFUSE: "the cluster says no" } });
    tty.send("xy");
    await tty.until("error: [conflict] the cluster says no (try another name)");
    expect(tty.text()).toContain("2 Nodes");
    await press(tty, ":errors\r", "Errors");
    await tty.until("try another name");
  });

  test("draws anew after every resize, also to a size that is too small and back", async () => {
    await using tty = await open({ cols: 120, rows: 40 });
    for (const [cols, rows, wanted] of [
      [110, 36, "q leave"],
      [50, 12, "1 Tasks"],
      [18, 5, "too small"],
      [80, 60, "4 Events"],
      [200, 50, "CPU of each node"],
    ] as const) {
      tty.resize(cols, rows);
      await tty.until(wanted);
    }
    await tty.quiet();
    expect(
      tty
        .lines()
        .slice(1, -1)
        .filter((line) => !/[│┃┐┘┓┛]$/.test(line)),
    ).toEqual([]);
  });

  test("keeps its columns with emoji, markup, escape sequences and lines of 10,000 characters", async () => {
    await using tty = await open({ cols: 120, rows: 40, env: { FIXTURE: "hostile" } }, "tags");
    await tty.until("q leave");
    await tty.quiet();
    expect(
      tty
        .lines()
        .slice(1, -1)
        .filter((line) => !/[│┃┐┘┓┛]$/.test(line)),
    ).toEqual([]);
    expect(tty.text()).toContain("{red-fg}tags{/}");
    expect(tty.text()).toContain("中文名字");
    await press(tty, "l", "xxxx");
    await press(tty, "w", "cut");
  });

  test("has no coloured cell with NO_COLOR, and still shows selection and state", async () => {
    await using tty = await open({ env: { NO_COLOR: "1" } });
    await tty.until("▲ unhealthy");
    await tty.quiet();
    expect([tty.colouredCells(), tty.inverseRows(5).includes(3)]).toEqual([0, true]);
  });

  test("draws in ASCII with LANG=C", async () => {
    await using tty = await open({ env: { LANG: "C" } });
    await tty.until("! unhealthy");
    await tty.quiet();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: everything but ASCII is what this looks for
    expect(tty.text().match(/[^\x00-\x7f]/g)).toBeNull();
  });

  for (const term of ["xterm", "linux", "vt100", "screen-256color", "tmux-256color", "ghostty"]) {
    test(`draws with TERM=${term} and gives the terminal back`, async () => {
      await using tty = await open({ term, cols: 80, rows: 24 });
      await tty.until("q leave");
      tty.send("q");
      expect(await tty.exit()).toBe(0);
      expect(tty.state()).toEqual(given);
    });
  }

  test("hides every changing key in read-only mode", async () => {
    await using tty = await open({ cols: 200, rows: 50, env: { FIXTURE_READ_ONLY: "1" } });
    await tty.until("read-only");
    await tty.until("q leave");
    expect(tty.lines().at(-1)).not.toMatch(/stop|new|restart|delete|shell/);
    tty.send("xa");
    await tty.quiet();
    expect(tty.text()).not.toContain("Stop");
  });

  test("saves the screen as text and as a picture", async () => {
    const dir = mkdtempSync(join(tmpdir(), "cube-tui-"));
    await using tty = await open({ env: { FIXTURE_SAVE: dir } });
    await tty.until("▲ unhealthy");
    tty.send("\x13");
    await tty.until("saved ");
    const files = readdirSync(dir).sort();
    const [svg = "", txt = ""] = files.map((file) => readFileSync(join(dir, file), "utf8"));
    rmSync(dir, { recursive: true });
    expect([files.length, svg.startsWith("<svg"), txt.includes("▲ unhealthy")]).toEqual([2, true, true]);
  });

  test("lends the terminal to a shell and takes it back", async () => {
    await using tty = await open({ cols: 100, rows: 30 });
    await press(tty, "e", "shell in cache; Ctrl-p Ctrl-q comes back");
    expect(tty.state().alternate).toBe(false);
    await press(tty, "hello q x\r", "you typed <hello q x>");
    tty.resize(90, 28);
    await tty.until("size 90x28");
    tty.send("\x10\x11");
    await tty.until("detached from cache");
    expect(tty.state().alternate).toBe(true);
    await tty.quiet();
    expect(
      tty
        .lines()
        .slice(1, -1)
        .filter((line) => !/[│┃┐┘┓┛]$/.test(line)),
    ).toEqual([]);
    await press(tty, "e", "Ctrl-p Ctrl-q comes back");
    await press(tty, "exit\r", "the shell in cache ended");
    tty.send("q");
    expect(await tty.exit()).toBe(0);
    expect(tty.state()).toEqual(given);
  });

  test("keeps stray output off the screen and in the log file", async () => {
    const dir = mkdtempSync(join(tmpdir(), "cube-tui-"));
    const log = join(dir, "log");
    await using tty = await open({ env: { FIXTURE_CHATTER: "1", FIXTURE_LOG: log } });
    await tty.untilTrue(
      () => existsSync(log) && readFileSync(log, "utf8").includes("stray native line"),
      "no line in the log",
    );
    expect(tty.text()).not.toContain("stray");
    const text = readFileSync(log, "utf8");
    expect([text.includes("stray console line"), text.includes("stray stderr line")]).toEqual([true, true]);
    rmSync(dir, { recursive: true });
  });
});
