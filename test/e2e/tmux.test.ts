// The real thing in tmux: an emulator that is independent of the one in the other tests, and the one that many people work in.
import { beforeAll, describe, expect, test } from "bun:test";
import { cubeBin } from "../setup/cube-bin.ts";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

/** A tmux server of its own with one window, in which a shell runs a Cube. */
class Tmux implements Disposable {
  readonly #socket: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(cube: Cube) {
    this.#socket = `${cube.home}/tmux`;
    this.#env = { PATH: process.env.PATH ?? "", HOME: cube.home, LANG: "C.UTF-8", TERM: "xterm-256color" };
    const variables = Object.entries({ ...cube.env, TERM: "tmux-256color" }).map(([key, value]) => `${key}='${value}'`);
    const command = `cd '${cube.home}'; env -i ${variables.join(" ")} '${cubeBin()}' ${cube.flags.join(" ")}; echo EXIT=$?; exec cat`;
    this.run("new-session", "-d", "-x", "120", "-y", "40", "-s", "ui", command);
    this.run("set", "-sg", "escape-time", "0");
  }

  run(...words: string[]): string {
    const run = Bun.spawnSync(["tmux", "-S", this.#socket, "-f", "/dev/null", ...words], {
      env: this.#env,
      stderr: "pipe",
    });
    if (!run.success) throw new Error(`tmux ${words.join(" ")}: ${run.stderr}`);
    return run.stdout.toString();
  }

  press(...keys: string[]): void {
    this.run("send-keys", "-t", "ui", ...keys);
  }

  screen(): string {
    return this.run("capture-pane", "-p", "-t", "ui");
  }

  async sees(wanted: RegExp): Promise<void> {
    await until(`tmux shows ${wanted}`, () => wanted.test(this.screen()), { onFailure: () => this.screen() });
  }

  [Symbol.dispose](): void {
    Bun.spawnSync(["tmux", "-S", this.#socket, "kill-server"], { stderr: "ignore" });
  }
}

describe.skipIf(dockerSwitchedOff())("e2e: tmux", () => {
  beforeAll(requireDocker);

  test("e2e: in tmux a task is started by the form, seen running, its log followed, stopped, and the window is given back", async () => {
    await using cube = new Cube();
    using tmux = new Tmux(cube);
    await tmux.sees(/Nothing runs here yet/);
    await tmux.sees(/ready/);
    tmux.press("a");
    await tmux.sees(/Image/);
    tmux.press("-l", "box");
    tmux.press("Tab", "Tab");
    tmux.press("-l", TEST_IMAGE);
    tmux.press("Tab");
    tmux.press("-l", "sh -c 'while true; do echo tick; sleep 0.1; done'");
    tmux.press("Enter");
    await tmux.sees(/^[┃│][^0-9]{0,4}box .*running/m);
    tmux.press("l");
    await tmux.sees(/tick/);
    tmux.press("Escape");
    await tmux.sees(/1 Tasks/);
    tmux.run("resize-window", "-t", "ui", "-x", "80", "-y", "24");
    await tmux.sees(/^[┃│][^0-9]{0,4}box .*running/m);
    tmux.press("x");
    await tmux.sees(/Stop box\?/);
    tmux.press("y");
    await cube.state("box", "stopped");
    tmux.press("Q");
    await tmux.sees(/Stop the manager\?/);
    tmux.press("y");
    await tmux.sees(/EXIT=0/);
    expect(tmux.run("display", "-p", "-t", "ui", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").trim()).toBe(
      "0 1 0",
    );
  }, 60_000);
});
