// The book's worker as its first chapters have it: `cube worker` alone, asked by curl on its own port.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadIdentity } from "../../src/transport/identity.ts";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { Engine, NODE_LABEL } from "./engine.ts";
import { freePort, until } from "./until.ts";

const ID = "266592cd-960d-4091-981c-8c25c44b1018";

/** The book's tasks name no command: the image knows what to do. */
const IMAGE = `cube-test/book-worker-${process.pid}`;

/** A TaskEvent as the book posts it. */
const event = (id: string, state = 2) =>
  JSON.stringify({
    ID: "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c",
    State: state,
    Task: { State: 1, ID: id, Name: "test-chapter-5", Image: `${IMAGE}:1`, Memory: 2 ** 26, RestartPolicy: "always" },
  });

interface Listed {
  readonly ID: string;
  readonly State: number;
  readonly ContainerID: string;
  readonly Memory: number;
}

/** A worker alone, with its port and what it left. */
class Alone implements AsyncDisposable {
  readonly cube = new Cube();
  readonly port = freePort();
  #child: ReturnType<Cube["follow"]> | null = null;

  async start(...more: string[]): Promise<void> {
    this.#child = this.cube.follow("worker", "-H", "127.0.0.1", "-p", `${this.port}`, "-n", "w1", ...more);
    await until("it answers", async () => (await this.curl("/stats")).status === "200");
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async curl(path: string, ...args: string[]): Promise<{ readonly status: string; readonly body: string }> {
    const url = `http://127.0.0.1:${this.port}${path}`;
    const run = Bun.spawn(["curl", "-s", "--max-time", "20", "-w", "\n%{http_code}", ...args, url], { stdout: "pipe" });
    const text = await new Response(run.stdout).text();
    const at = text.lastIndexOf("\n");
    return { status: text.slice(at + 1), body: text.slice(0, at) };
  }

  async tasks(): Promise<Listed[]> {
    return JSON.parse((await this.curl("/tasks")).body) as Listed[];
  }

  /** Waits until the task is so. */
  task(id: string, state: number): Promise<Listed> {
    return until(`${id} is ${state}`, async () =>
      (await this.tasks()).find((task) => task.ID === id && task.State === state),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    const file = join(this.cube.dataDir, "worker", "worker.key");
    const own = existsSync(file) ? loadIdentity(file) : null;
    if (own?.ok) {
      for (const { id } of await this.cube.engine.containers(`${NODE_LABEL}=${own.value}`))
        await this.cube.engine.remove(id);
    }
    await this.cube[Symbol.asyncDispose]();
  }
}

describe.skipIf(dockerSwitchedOff())("e2e: the book's worker alone", () => {
  beforeAll(async () => {
    await requireDocker();
    await new Engine().makeImage(IMAGE, { image: TEST_IMAGE, command: ["sleep", "1000"] });
  });
  afterAll(() => new Engine().removeImage(`${IMAGE}:1`));

  test("e2e: with --book-api a posted task runs, outlives a kill of the worker, and is stopped by DELETE", async () => {
    await using worker = new Alone();
    await worker.start("--book-api");
    expect(await worker.curl("/tasks")).toEqual({ status: "200", body: "[]\n" });
    expect(Object.keys(JSON.parse((await worker.curl("/stats")).body) as object)).toEqual([
      "MemStats",
      "DiskStats",
      "CpuStats",
      "LoadStats",
      "TaskCount",
    ]);
    const posted = await worker.curl("/tasks", "-X", "POST", "-d", event(ID));
    expect([posted.status, (JSON.parse(posted.body) as Listed).ID]).toEqual(["201", ID]);
    const { ContainerID, Memory } = await worker.task(ID, 2);
    expect([ContainerID.length, Memory]).toEqual([64, 2 ** 26]);
    const inspected = JSON.parse((await worker.curl(`/tasks/${ID}`)).body) as { Id: string; HostConfig: object };
    expect(inspected).toMatchObject({ Id: ContainerID, HostConfig: { Memory: 2 ** 26 } });
    expect((await worker.curl("/tasks", "-X", "POST", "-d", event(ID))).status).toBe("201");

    await worker.kill();
    await worker.start("--book-api");
    expect((await worker.tasks()).map(({ ID: id, State, ContainerID: c }) => [id, State, c])).toEqual([
      [ID, 2, ContainerID],
    ]);
    expect(await worker.curl(`/tasks/${ID}`, "-X", "DELETE")).toEqual({ status: "204", body: "" });
    await worker.task(ID, 3);
    expect((await worker.cube.engine.inspect(ContainerID))?.running).toBe(false);
    expect((await worker.curl(`/tasks/${crypto.randomUUID()}`, "-X", "DELETE")).status).toBe("404");
  }, 120_000);

  test("e2e: without it the lists can be read and nothing can be changed; nobody comes in by TLS or from a web page", async () => {
    await using worker = new Alone();
    await worker.start();
    const refused = await worker.curl("/tasks", "-X", "POST", "-d", event(ID));
    expect([refused.status, refused.body]).toEqual(["403", expect.stringContaining("--book-api")]);
    expect((await worker.curl("/tasks", "-H", "Origin: http://evil.example")).status).toBe("403");
    const secure = Bun.spawn(["curl", "-sk", "--max-time", "10", `https://127.0.0.1:${worker.port}/tasks`]);
    expect(await new Response(secure.stdout).text()).toContain("plain HTTP, on this machine only");
  }, 60_000);

  test("e2e: a manager that dials the same port sees less room, and not the task; a DELETE of its own task is a 409", async () => {
    await using worker = new Alone();
    await worker.start("--book-api");
    await worker.curl("/tasks", "-X", "POST", "-d", event(ID));
    await worker.task(ID, 2);
    const { cube } = worker;
    await cube.start("--no-local-worker", "--workers", `127.0.0.1:${worker.port}`);
    const node = await until("it is a node", async () => (await cube.nodes()).find(({ state }) => state === "ready"));
    expect(node.capacity.memoryBytes - node.allocatable.memoryBytes).toBe(2 ** 28 + 2 ** 26);
    expect(await cube.tasks()).toEqual([]);
    await cube.ok("run", TEST_IMAGE, "--name", "theirs", "--restart", "always", "--", "sleep", "1000");
    const { jobId } = await cube.state("theirs", "running");
    await worker.task(jobId, 2);
    const refused = await worker.curl(`/tasks/${jobId}`, "-X", "DELETE");
    expect([refused.status, refused.body]).toEqual(["409", expect.stringContaining("cube stop theirs")]);
    await cube.ok("rm", "theirs");
    await until("the manager's is gone", async () => (await worker.tasks()).length === 1);
    expect((await worker.tasks())[0]).toMatchObject({ ID, State: 2 });
  }, 120_000);
});
