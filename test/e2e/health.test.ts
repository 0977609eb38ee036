import { beforeAll, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube, folderIn } from "./cube.ts";
import { freePort } from "./until.ts";

/** Two failed checks of the task, then a restart with a short back-off: the rhythm of a test. */
function job(options: { readonly bind: string; readonly port: number }) {
  return {
    name: "web",
    image: TEST_IMAGE,
    command: ["httpd", "-f", "-p", "80", "-h", "/w"],
    ports: [`127.0.0.1:${options.port}:80`],
    mounts: [`${options.bind}:/w:ro`],
    restart: { condition: "always", attempts: 20, delayMs: 200, maxDelayMs: 400 },
    health: { http: "/health", interval: "100ms", retries: 2 },
  };
}

describe.skipIf(dockerSwitchedOff())("e2e: health", () => {
  beforeAll(requireDocker);

  test("e2e: a task whose check fails is restarted with back-off, and is healthy again when the cause is gone", async () => {
    await using cube = await Cube.start();
    const bind = folderIn(cube, "site");
    writeFileSync(join(bind, "health"), "fine\n");
    writeFileSync(join(cube.home, "web.json"), JSON.stringify(job({ bind, port: freePort() })));
    await cube.ok("run", "-f", "web.json", "--wait");
    const healthy = (await cube.tasks())[0];
    expect(healthy).toMatchObject({ state: "running", health: "healthy", restarts: 0 });

    rmSync(join(bind, "health"));
    const failing = await cube.task("web", ({ restarts }) => restarts >= 2, "is restarted twice");
    expect(failing.exits.at(-1)?.reason).toContain("status 404");
    expect(failing.containerId).not.toBe(healthy?.containerId ?? "");

    writeFileSync(join(bind, "health"), "fine\n");
    const well = await cube.task("web", (task) => task.health === "healthy" && task.state === "running", "is healthy");
    expect(well.restarts).toBeGreaterThanOrEqual(2);
    const texts = (await cube.events()).map(({ text }) => text);
    expect(texts.some((text) => /web is unhealthy: .*status 404/.test(text))).toBe(true);
    expect(texts.some((text) => /restart/.test(text))).toBe(true);
    expect(texts.filter((text) => text.startsWith("web is healthy")).length).toBeGreaterThanOrEqual(2);
  }, 60_000);

  test("e2e: a task that always fails gives up after its budget, and says why", async () => {
    await using cube = await Cube.start();
    const restart = { condition: "on-failure", attempts: 2, delayMs: 50, maxDelayMs: 50 };
    const body = JSON.stringify({ name: "bad", image: TEST_IMAGE, command: ["sh", "-c", "exit 9"], restart });
    expect((await cube.api("/v1/jobs", { method: "POST", body })).status).toBe(201);
    const task = await cube.task(
      "bad",
      ({ exits, attempt }) => attempt > 1 || exits.length >= 3,
      "has spent its budget",
    );
    const history = await cube.json<{ attempt: number; state: string; message: string; exits: object[] }[]>(
      "status",
      "-a",
    );
    const first = history.find(({ attempt }) => attempt === 1);
    expect(task.attempt).toBeLessThanOrEqual(2);
    expect(first).toMatchObject({ state: "failed", exits: [{ code: 9 }, { code: 9 }, { code: 9 }] });
    expect(first?.message).toContain("budget");
  }, 60_000);
});
