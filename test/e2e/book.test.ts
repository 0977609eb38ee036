import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { Engine } from "./engine.ts";
import { freePort, until } from "./until.ts";

/** The book's image answers on its own port without being told a command; so does this one. */
const BOOK_IMAGE = `cube-test/book-${process.pid}`;
const SERVE = "mkdir -p /w && echo fine > /w/health && exec httpd -f -p 7777 -h /w";
const ID = "21b23589-5d2d-4731-b5c9-a97e9832d021";

/** The book's task file: Tim Boring, "Build an Orchestrator in Go (From Scratch)", Manning 2024. The port is bound so that it can be asked for. */
function taskEvent(port: number) {
  return {
    ID: "a7aa1d44-08f6-443e-9378-f5884311019e",
    State: 2,
    Task: {
      State: 1,
      ID,
      Name: "test-chapter-9.1",
      Image: `${BOOK_IMAGE}:1`,
      ExposedPorts: { "7777/tcp": {} },
      PortBindings: { "7777/tcp": String(port) },
      HealthCheck: "/health",
    },
  };
}

describe.skipIf(dockerSwitchedOff())("e2e: the book", () => {
  beforeAll(async () => {
    await requireDocker();
    await new Engine().makeImage(BOOK_IMAGE, { image: TEST_IMAGE, command: ["sh", "-c", SERVE] });
  });
  afterAll(() => new Engine().removeImage(`${BOOK_IMAGE}:1`));

  test("e2e: the book's curl submits a task without a token, sees it run, and deletes it", async () => {
    await using cube = await Cube.start({ args: ["--no-auth"] });
    const port = freePort();
    writeFileSync(join(cube.home, "task.json"), JSON.stringify(taskEvent(port)));
    const tasks = `http://127.0.0.1:${cube.port}/tasks`;
    expect(await curl(cube, "-X", "POST", "-d", "@task.json", tasks)).toMatchObject({
      status: "201",
      body: { ID, Name: "test-chapter-9.1", Image: `${BOOK_IMAGE}:1` },
    });
    await until("the book's list shows it running", async () =>
      ((await curl(cube, tasks)).body as { ID: string; State: number }[]).some(
        (task) => task.ID === ID && task.State === 2,
      ),
    );
    const healthy = await cube.task("test-chapter-9-1", ({ health }) => health === "healthy", "is healthy");
    expect(healthy).toMatchObject({ jobId: ID, state: "running", restarts: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).text()).toBe("fine\n");
    expect(await curl(cube, "-X", "POST", "-d", "@task.json", tasks)).toMatchObject({ status: "201" });
    expect(((await curl(cube, tasks)).body as object[]).length).toBe(1);
    const { body: nodes } = await curl(cube, `http://127.0.0.1:${cube.port}/nodes`);
    expect(nodes).toEqual([expect.objectContaining({ Role: "worker", TaskCount: expect.any(Number) })]);
    expect(await curl(cube, "-X", "DELETE", `${tasks}/${ID}`)).toEqual({ status: "204", body: "" });
    await until("it is completed", async () =>
      ((await curl(cube, tasks)).body as { State: number }[]).every(({ State }) => State >= 3),
    );
    expect((await curl(cube, "-X", "DELETE", `${tasks}/no-uuid`)).status).toBe("404");
    expect((await curl(cube, "-X", "POST", "-d", '{"Nonsense":1}', tasks)).status).toBe("400");
  }, 60_000);

  test("e2e: the book's commands start, list and stop the task of a file", async () => {
    await using cube = await Cube.start({ args: ["--no-auth"] });
    const event = taskEvent(freePort());
    writeFileSync(join(cube.home, "task.json"), JSON.stringify(event));
    const manager = `127.0.0.1:${cube.port}`;
    expect((await cube.cli("run", "-m", manager, "-f", "task.json")).code).toBe(0);
    await until("the book's columns show it running", async () =>
      new RegExp(`^${ID} +test-chapter-9-1 .* running `, "m").test(await cube.ok("status", "-m", manager)),
    );
    expect(await cube.ok("node", "-m", manager)).toContain("worker");
    expect((await cube.cli("stop", "-m", manager, ID)).code).toBe(0);
    await cube.state("test-chapter-9-1", "stopped");
  }, 60_000);

  test("e2e: with a token the same curl is refused, and the token opens the door", async () => {
    await using cube = await Cube.start();
    const url = `http://127.0.0.1:${cube.port}/v1/tasks`;
    expect((await curl(cube, url)).status).toBe("401");
    const token = (await Bun.file(join(cube.dataDir, "api-token")).text()).trim();
    expect((await curl(cube, "-H", `Authorization: Bearer ${token}`, url)).status).toBe("200");
    expect((await curl(cube, "-H", `Authorization: Bearer ${token}`, "-H", "Origin: http://evil", url)).status).toBe(
      "403",
    );
    const elsewhere = await cube.cliWith({ env: { CUBE_TOKEN: token } }, "status", "-m", `127.0.0.1:${cube.port}`);
    expect(elsewhere.code).toBe(0);
  }, 60_000);
});

async function curl(cube: Cube, ...args: string[]): Promise<{ status: string; body: unknown }> {
  const run = Bun.spawn(["curl", "-s", "--max-time", "20", "-w", "\n%{http_code}", ...args], {
    cwd: cube.home,
    stdout: "pipe",
  });
  const text = await new Response(run.stdout).text();
  const at = text.lastIndexOf("\n");
  const body = text.slice(0, at);
  return { status: text.slice(at + 1), body: body === "" ? "" : JSON.parse(body) };
}
