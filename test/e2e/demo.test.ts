// `cube demo` on the copied executable, as a newcomer has it: no engine, nothing in PATH, an empty home. It needs no docker, so it runs wherever there is a pty.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cubeBin } from "../setup/cube-bin.ts";
import { belowShell, Tty } from "../terminal/tty.ts";

const PATIENCE_MS = 90_000;

/** A demo in a terminal, and the directories in which it could leave something. */
class Demo implements AsyncDisposable {
  readonly screen: Tty;
  readonly #home = mkdtempSync(join(tmpdir(), "cube-demo-"));

  constructor(
    size: { readonly cols: number; readonly rows: number },
    given: { readonly words?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    const { words = [], env = {} } = given;
    const places = { HOME: this.#home, XDG_RUNTIME_DIR: this.#home, XDG_DATA_HOME: this.#home, TMPDIR: this.#home };
    // The shell that waits for the end needs its programs; the demo gets a PATH without any.
    const command = ["/usr/bin/env", "PATH=/nowhere", cubeBin(), "demo", ...words];
    this.screen = new Tty(belowShell(command), { ...size, cwd: this.#home, env: { ...places, ...env } });
  }

  /** Waits until it is there, with everything in it. */
  async full(): Promise<void> {
    await this.screen.until(/CUBE DEMO .* 1\d\d running/);
    await this.screen.until("alder");
  }

  /** Everything that lies about. */
  files(): string[] {
    return readdirSync(this.#home, { recursive: true }).map(String);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.screen.end();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

describe("e2e: demo", () => {
  for (const [cols, rows] of [
    [80, 24],
    [120, 40],
    [200, 50],
  ] as const) {
    test(
      `e2e: demo at ${cols}x${rows}: full panes, another speed, a killed task that comes back, and nothing left behind`,
      async () => {
        await using demo = new Demo({ cols, rows });
        const { screen } = demo;
        await demo.full();
        for (const pane of ["1 Tasks", "2 Nodes", "3 Scores", "4 Events"]) await screen.until(pane);
        await screen.until(/bus\.redpanda\.0 +● running/);
        await screen.until(/cpu.* \d+%/);

        screen.send("+");
        await screen.until(/CUBE DEMO {2}2×/);
        screen.send("-");
        await screen.until(/CUBE DEMO {2}1×/);
        // A story of its own would speak in between.
        screen.send("Fb");
        await screen.until("nothing breaks by itself any more");
        screen.send("F");
        await screen.until("Task bus.redpanda.0");
        screen.send("k");
        await screen.until("restarts: exit code 137");

        screen.send("q");
        await screen.until("code=0");
        await screen.until("the demo is over");
        expect(screen.state()).toEqual({
          alternate: false,
          mouse: "none",
          cursorHidden: false,
          applicationKeys: false,
          bracketedPaste: false,
        });
        expect(demo.files()).toEqual([]);
        expect(screen.lines().every((line) => line.length <= cols)).toBe(true);
      },
      PATIENCE_MS,
    );
  }

  test(
    "e2e: demo: a node is cut off and its tasks go elsewhere, and when it is back it has them again",
    async () => {
      await using demo = new Demo({ cols: 120, rows: 40 }, { words: ["--speed", "10"] });
      const { screen } = demo;
      await demo.full();
      screen.send("Fb");
      await screen.until("nothing breaks by itself any more");
      screen.send("/node:alder\r");
      await screen.until(/node:alder {2}[23]\d\/\d+/);
      screen.send("2gF");
      await screen.until("Node alder");
      screen.send("x");
      await screen.until(/alder +▲ +disconnected/);
      // All but what its volumes hold there.
      await screen.until(/node:alder {2}\d\/\d+/);
      await screen.until(/alder +● cpu/);
      await screen.until(/node:alder {2}[23]\d\/\d+/);
    },
    PATIENCE_MS,
  );

  test(
    "e2e: demo: the manager's laptop sleeps for an hour, and wakes to what happened meanwhile",
    async () => {
      await using demo = new Demo({ cols: 120, rows: 40 }, { words: ["--nodes", "3", "--speed", "60"] });
      const { screen } = demo;
      await screen.until(/CUBE DEMO .* \d\d running/);
      screen.send("Fs");
      await screen.until(/CUBE DEMO {2}asleep, \d+ min to go .*manager out of reach/);
      await screen.until(/while you were away \((59m|1h)/);
    },
    PATIENCE_MS,
  );

  test(
    "e2e: demo: a task from the form runs, its output says that it is simulated, a shell is refused, and time can be held",
    async () => {
      await using demo = new Demo({ cols: 120, rows: 40 });
      const { screen } = demo;
      await demo.full();
      screen.send("a");
      await screen.until("Image");
      screen.send("mine\t\tnginx:1\r");
      await screen.until(/mine +● running/);
      screen.send("l");
      await screen.until("simulated output: nothing of this task really runs");
      screen.send("q");
      await screen.until("1 Tasks");
      screen.send("e");
      await screen.until("no container to open a shell in");
      screen.send("P");
      await screen.until("CUBE DEMO  held");
      // What is asked for is answered all the same.
      screen.send("xy");
      await screen.until(/stopping mine|mine +\S+ stop/);
      screen.send("P");
      await screen.until(/mine +\S+ stopped/);
    },
    PATIENCE_MS,
  );

  test(
    "e2e: demo: without colour it is a demo all the same, and a signal ends it with its code",
    async () => {
      await using demo = new Demo({ cols: 80, rows: 24 }, { env: { NO_COLOR: "1" } });
      const { screen } = demo;
      await demo.full();
      expect(screen.colouredCells()).toBe(0);
      screen.send("?");
      await screen.until("break something");
      screen.send("\x1b");
      await screen.until("1 Tasks");
      screen.send("\x03");
      await screen.until("code=0");
      expect(demo.files()).toEqual([]);
    },
    PATIENCE_MS,
  );

  test("e2e: demo: wrong figures and no terminal are refused in a line", () => {
    const run = (...words: string[]) => {
      const { exitCode, stderr } = Bun.spawnSync([cubeBin(), "demo", ...words], { env: {}, stdin: "ignore" });
      return [exitCode, stderr.toString()];
    };
    expect(run("--nodes", "0")).toEqual([2, expect.stringContaining("--nodes takes a whole number from 1 to 100")]);
    expect(run("--speed", "fast")).toEqual([2, expect.stringContaining("--speed takes a whole number from 1 to 600")]);
    expect(run()).toEqual([2, expect.stringContaining("terminal")]);
  });
});
