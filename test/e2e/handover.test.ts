// `q` on the real thing: the manager goes on in the background, and its nodes elsewhere are without one for a single dial, whoever dials.
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cubeBin } from "../setup/cube-bin.ts";
import { belowShell, Tty } from "../terminal/tty.ts";
import { Cube } from "./cube.ts";
import { Engine } from "./engine.ts";
import { freePort, until } from "./until.ts";

/** On a machine without an engine: nothing listens there, and nothing is there to clean up. */
const NO_ENGINE = new Engine("/nonexistent/docker.sock");

/** Milliseconds between two heartbeats: a node that is back within one has missed none. */
const HEARTBEAT_MS = 2_000;

interface Line {
  readonly atMs: number;
  readonly level: string;
  readonly message: string;
}

/** A worker on loopback with a data directory and a log of its own below the Cube's home. */
class RemoteWorker {
  readonly #log: string;

  constructor(cube: Cube, name: string, ...way: string[]) {
    const directory = join(cube.home, name);
    this.#log = join(directory, "log");
    const own = [
      "--data-dir",
      directory,
      "--log-file",
      this.#log,
      "--name",
      name,
      "--label",
      `name=${name}`,
      "--runtime",
      "process",
    ];
    cube.follow("worker", ...own, ...way);
  }

  lines(): Line[] {
    const text = existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "";
    const parsed = text.split("\n").filter((line) => line !== "");
    return parsed.map((line) => {
      const { at, level, message } = JSON.parse(line) as { at: string; level: string; message: string };
      return { atMs: Date.parse(at), level, message };
    });
  }

  get linked(): Line[] {
    return this.lines().filter(({ message }) => message.startsWith("linked to the manager"));
  }
}

async function taskOn(cube: Cube, node: string): Promise<void> {
  const script = "while true; do sleep 0.2; done";
  const place = ["--constraint", `node.labels.name==${node}`];
  await cube.ok(
    "run",
    "--runtime",
    "process",
    "--name",
    `on-${node}`,
    ...place,
    "--restart",
    "always",
    "--",
    "sh",
    "-c",
    script,
  );
}

describe("e2e: handing over", () => {
  test("e2e: q gives the nodes to the background without a dial in vain, an event or a restart", async () => {
    const [port, listens] = [freePort(), freePort()];
    const args = ["--port", `${port}`, "--workers", `127.0.0.1:${listens}`];
    await using cube = new Cube({ engine: NO_ENGINE, args });
    const screen = cube.screen({ cols: 120, rows: 40 });
    await screen.until("Nothing runs here yet");
    const dialled = new RemoteWorker(cube, "dialled", "--host", "127.0.0.1", "--port", `${listens}`);
    const dials = new RemoteWorker(cube, "dials", "--join", `127.0.0.1:${port}`);
    const remote = [dialled, dials];
    await until("both are ready", async () => {
      const nodes = await cube.nodes();
      return nodes.filter(({ state, dialledBy }) => state === "ready" && dialledBy !== undefined).length === 2;
    });
    for (const node of ["dialled", "dials"]) await taskOn(cube, node);
    const before = [await cube.state("on-dialled", "running"), await cube.state("on-dials", "running")];
    expect(new Set(before.map(({ nodeName }) => nodeName))).toEqual(new Set(["dialled", "dials"]));
    const { pid } = await cube.manager();
    const revision = Math.max(...(await cube.events()).map((event) => event.revision));

    screen.send("q");
    await screen.until("the manager goes on in the background");
    await until("every worker has a link to the new one", () => remote.every(({ linked }) => linked.length === 2));
    expect((await cube.manager()).pid).not.toBe(pid);
    for (const worker of remote) {
      const lines = worker.lines();
      const [, again] = worker.linked;
      const lost = lines.findLast(({ level }) => level === "warn");
      expect(lines.filter(({ level }) => level !== "info").map(({ message }) => message)).toEqual([
        expect.stringMatching(/the link is lost$/),
      ]);
      expect((again?.atMs ?? Number.POSITIVE_INFINITY) - (lost?.atMs ?? 0)).toBeLessThan(HEARTBEAT_MS);
    }

    await until("nobody is waited for any more", async () => (await cube.manager()).caution === undefined);
    expect((await cube.nodes()).map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
    const after = (await cube.events()).filter((event) => event.revision > revision);
    expect(after.map(({ text }) => text)).toEqual([]);
    const tasks = await cube.tasks();
    for (const { id, name, incarnation } of before)
      expect(tasks.find((task) => task.name === name)).toMatchObject({
        id,
        incarnation,
        state: "running",
        restarts: 0,
      });
    await cube.ok("rm", "on-dialled", "on-dials");
    await until("the tasks are gone", async () => (await cube.tasks()).length === 0);
    await cube.ok("shutdown");
  }, 120_000);

  test("e2e: where nothing can go on in the background q says so, and leaves the store in order", async () => {
    await using cube = new Cube({ engine: NO_ENGINE });
    const copy = join(cube.home, "cube");
    cpSync(cubeBin(), copy);
    await using screen = new Tty(belowShell([copy, ...cube.flags]), {
      cols: 120,
      rows: 40,
      cwd: cube.home,
      env: cube.env,
    });
    await screen.until("Nothing runs here yet");
    await cube.ok("run", "--runtime", "process", "--name", "kept", "--restart", "always", "--", "sleep", "1000");
    await cube.state("kept", "running");
    rmSync(copy);
    screen.send("q");
    await screen.until("did not come up in the background");
    await screen.until("code=1");
    await cube.start();
    expect(await cube.state("kept", "running")).toMatchObject({ restarts: 0 });
    await cube.ok("rm", "kept");
    await until("it is gone", async () => (await cube.tasks()).length === 0);
  }, 60_000);
});
