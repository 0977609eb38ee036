// What `cube sim` says about a cluster is what then happens to it: a manager and three workers on loopback, with plain processes.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { TaskResource } from "../../src/client/resources.ts";
import { ASSUMED } from "../../src/core/spec.ts";
import type { WhatIfAnswer } from "../../src/core/what-if.ts";
import { createNodeMetrics } from "../../src/metrics/node-metrics.ts";
import { cubeBin } from "../setup/cube-bin.ts";
import { Cube } from "./cube.ts";
import { Engine } from "./engine.ts";
import { freePort, until } from "./until.ts";

const NAMES = ["w1", "w2", "w3"] as const;
/** Kept free for tasks on each node, which count as 0.1 cores when they say nothing: a test must not start hundreds of processes on a large machine. */
const TASKS_PER_NODE = 5;
const TASK = { runtime: "process", command: ["sleep", "1000"], restart: "always" } as const;

/** A manager that dials three workers; all that runs lies below its home and ends with it. */
class LoopbackCluster implements AsyncDisposable {
  readonly cube: Cube;
  readonly #ports = NAMES.map(() => freePort());
  readonly #workers = new Map<string, Bun.Subprocess>();

  constructor() {
    const workers = this.#ports.map((port) => `127.0.0.1:${port}`).join(",");
    const args = ["--workers", workers, "--scheduler", "roundrobin"];
    this.cube = new Cube({ role: "manager", engine: new Engine("/nonexistent/docker.sock"), args });
  }

  async start(): Promise<void> {
    await this.cube.start();
    const { capacity } = await createNodeMetrics().facts();
    const reserve = `cpu=${(capacity.cpuMillis - TASKS_PER_NODE * ASSUMED.cpuMillis) / 1000}`;
    for (const [index, name] of NAMES.entries())
      this.#startWorker(name, "--port", `${this.#ports[index]}`, "--reserve", reserve);
    await until(
      "all nodes are ready and judged",
      async () => {
        const [nodes, { caution }] = await Promise.all([this.cube.nodes(), this.cube.manager()]);
        return (
          nodes.filter(({ state, dialledBy }) => state === "ready" && dialledBy).length === 3 && caution === undefined
        );
      },
      { limitMs: 45_000, onFailure: () => this.cube.log() },
    );
  }

  #startWorker(name: string, ...flags: string[]): void {
    const at = ["--host", "127.0.0.1", "--name", name, "--data-dir", join(this.cube.home, name), ...flags];
    const worker = Bun.spawn([cubeBin(), "worker", ...at, "--runtime", "process"], {
      cwd: this.cube.home,
      env: this.cube.env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    this.#workers.set(name, worker);
  }

  /** Ends a worker at once; its processes go on, as they would on a node that is cut off. */
  async kill(name: string): Promise<void> {
    const worker = this.#workers.get(name);
    worker?.kill("SIGKILL");
    await worker?.exited;
  }

  async submit(job: object): Promise<void> {
    const answer = await this.cube.api("/v1/jobs", { method: "POST", body: JSON.stringify({ ...TASK, ...job }) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of NAMES) await this.kill(name);
    await this.cube[Symbol.asyncDispose]();
  }
}

/** Where the newest attempt of each slot is, and why, as the cluster has it. */
function places(tasks: readonly TaskResource[]): Record<string, string> {
  return Object.fromEntries(tasks.map(({ name, nodeName, reason }) => [name, `${nodeName}: ${reason}`]));
}

/** The same as it would be by the answer, from how it is now. */
function foretold(now: readonly TaskResource[], answer: WhatIfAnswer): Record<string, string> {
  const told = answer.tasks.filter(({ outcome }) => outcome === "moves" || outcome === "waits");
  return { ...places(now), ...Object.fromEntries(told.map(({ name, to, reason }) => [name, `${to}: ${reason}`])) };
}

describe("e2e: cube sim", () => {
  test("e2e: what it foretells of a node's death happens when its worker is killed, and asking has changed nothing", async () => {
    await using cluster = new LoopbackCluster();
    const { cube } = cluster;
    await cluster.start();
    await cluster.submit({ name: "web", count: 7 });
    await cluster.submit({ name: "pinned", constraints: ["node.hostname==w2"] });
    await cluster.submit({ name: "still", constraints: ["node.hostname==w2"], disconnect: { replace: false } });
    const before = await until("all of it runs", async () => {
      const tasks = await cube.tasks();
      return tasks.length === 9 && tasks.every(({ state }) => state === "running") && tasks;
    });
    const { revision } = await cube.manager();

    const secret = await cube.ok("token", "create", "viewer", "--role", "view");
    const asked = await cube.cliWith(
      { env: { CUBE_TOKEN: secret } },
      ...["sim", "--without", "w2", "--json", "--manager", `127.0.0.1:${cube.port}`],
    );
    expect([asked.code, asked.stderr]).toEqual([3, ""]);
    const answer = JSON.parse(asked.stdout) as WhatIfAnswer;
    expect(answer.tasks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      "pinned waits",
      "still stays",
      ...before
        .filter(({ name, nodeName }) => name.startsWith("web") && nodeName === "w2")
        .map(({ name }) => `${name} moves`)
        .sort(),
    ]);
    expect(answer.tasks.filter(({ outcome }) => outcome === "moves").length).toBeGreaterThan(1);
    expect((await cube.manager()).revision - revision).toBe(1);
    expect(places(await cube.tasks())).toEqual(places(before));

    await cluster.kill("w2");
    const wanted = foretold(before, answer);
    const after = await until(
      "everything of w2 has been dealt with",
      async () => {
        const tasks = await cube.tasks();
        const isLeft = ({ name, nodeName }: TaskResource) => nodeName === "w2" && name !== "still";
        return tasks.every((task) => !isLeft(task) && task.reason !== "") && tasks;
      },
      { limitMs: 45_000, onFailure: () => `${JSON.stringify(wanted, null, 1)}\n${cube.log()}` },
    );
    expect(places(after)).toEqual(wanted);
  }, 120_000);

  test("e2e: how many more it says fit is how many are placed, and a saved snapshot says the same", async () => {
    await using cluster = new LoopbackCluster();
    const { cube } = cluster;
    await cluster.start();
    await cluster.submit({ name: "web" });
    await cube.state("web", "running");
    const flags = ["--how-many", "sleep", "--runtime", "process", "--json"];
    const live = await cube.json<WhatIfAnswer>("sim", ...flags, "--save", "now.json");
    expect(live.howMany).toMatchObject({ copies: 3 * TASKS_PER_NODE - 1, atLeast: false });
    const saved = await cube.json<WhatIfAnswer>("sim", ...flags, "--from", "now.json");
    expect(saved).toEqual(live);

    await cluster.submit({ name: "more", count: 3 * TASKS_PER_NODE });
    const placed = await until("all are decided on", async () => {
      const tasks = (await cube.tasks()).filter(({ name }) => name.startsWith("more"));
      return tasks.length === 3 * TASKS_PER_NODE && tasks.every(({ reason }) => reason !== "") && tasks;
    });
    const waiting = placed.filter(({ nodeName }) => nodeName === "");
    expect(waiting.map(({ reason }) => reason)).toEqual([live.howMany?.reason ?? ""]);
  }, 90_000);

  test("e2e: without a manager it says so", async () => {
    await using cube = new Cube({ engine: new Engine("/nonexistent/docker.sock") });
    const { code, stderr } = await cube.cli("sim", "--without", "n1");
    expect([code, stderr]).toEqual([1, expect.stringContaining("no manager answers")]);
  }, 30_000);
});
