import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { until } from "./until.ts";

const GARBAGE = Buffer.from("garbage bytes!".repeat(20));

/** The file of the database that matters, by its name. */
function fileIn(cube: Cube, name: RegExp): string {
  const folder = join(cube.dataDir, "store");
  const found = readdirSync(folder).filter((file) => name.test(file));
  return join(folder, found.at(-1) ?? "");
}

function spoil(file: string, where: number): void {
  const content = readFileSync(file);
  GARBAGE.copy(content, Math.floor(content.length * where));
  writeFileSync(file, content);
}

describe.skipIf(dockerSwitchedOff())("e2e: a damaged store", () => {
  beforeAll(requireDocker);
  const cubes: Cube[] = [];
  afterAll(async () => {
    for (const cube of cubes) await cube[Symbol.asyncDispose]();
  });

  /** Two running tasks, and Cube ended. */
  async function stopped(): Promise<{ cube: Cube; running: object[] }> {
    const cube = await Cube.start();
    cubes.push(cube);
    for (const name of ["a", "b"]) {
      await cube.ok("run", TEST_IMAGE, "--name", name, "--restart", "always", "--wait", "--", "sleep", "1000");
    }
    const running = await cube.containers();
    await cube.end("SIGKILL");
    return { cube, running };
  }

  test("e2e: garbage in the middle of its log makes it read-only and harms no task; --accept-loss --adopt goes on", async () => {
    const { cube, running } = await stopped();
    spoil(fileIn(cube, /\.log$/), 0.4);
    await cube.start();
    expect(await cube.manager()).toMatchObject({
      health: "read-only",
      problem: expect.stringContaining("--accept-loss"),
    });
    const status = await cube.cli("status");
    expect(status.stderr).toMatch(/damaged.*--accept-loss/s);
    const refused = await cube.cli("run", TEST_IMAGE, "--name", "c", "--", "sleep", "1000");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("damaged") });
    expect(await cube.containers()).toEqual(running as never);
    await cube.end();
    await cube.start();
    expect((await cube.manager()).health).toBe("read-only");
    await cube.end();

    await cube.start("--accept-loss", "--adopt");
    expect(await cube.manager()).toMatchObject({ health: "ok" });
    for (const name of ["a", "b"]) await cube.state(name, "running");
    expect(await cube.containers()).toEqual(running as never);
    await cube.ok("run", TEST_IMAGE, "--name", "c", "--restart", "always", "--wait", "--", "sleep", "1000");
    await cube.end();
    await cube.start();
    expect(await cube.manager()).toMatchObject({ health: "ok", problem: "" });
    await cube.state("c", "running");
  }, 90_000);

  for (const [name, damage] of [
    ["CURRENT missing", (cube: Cube) => rmSync(join(cube.dataDir, "store", "CURRENT"))],
    ["garbage in MANIFEST", (cube: Cube) => spoil(fileIn(cube, /^MANIFEST/), 0.1)],
  ] as const) {
    test(`e2e: ${name}: the store is repaired, everything is known, nothing is restarted, and people are told`, async () => {
      const { cube, running } = await stopped();
      damage(cube);
      await cube.start();
      await until("both are known as running", async () => {
        const tasks = await cube.tasks();
        return tasks.length === 2 && tasks.every(({ state, restarts }) => state === "running" && restarts === 0);
      });
      expect(await cube.containers()).toEqual(running as never);
      expect(await cube.manager()).toMatchObject({ health: "ok" });
      expect((await cube.cli("status")).stderr).toMatch(/repair/);
      await cube.complete("c", TEST_IMAGE, "--", "true");
    }, 90_000);
  }

  test("e2e: a manager whose store was in memory ends nothing after its restart, says so, and goes on by --adopt", async () => {
    await using cube = await Cube.start({ args: ["--dbType", "memory"] });
    await cube.ok("run", TEST_IMAGE, "--name", "a", "--restart", "always", "--wait", "--", "sleep", "1000");
    const running = await cube.containers();
    await cube.end("SIGKILL");
    await cube.start();
    const told = await until("people are told", async () => {
      const { stderr } = await cube.cli("status");
      return stderr !== "" && stderr;
    });
    expect(told).toContain("left alone");
    expect(await cube.containers()).toEqual(running as never);
    await cube.end();
    await cube.start("--adopt");
    await cube.state("a", "running");
    expect(await cube.containers()).toEqual(running as never);
    await cube.complete("b", TEST_IMAGE, "--", "true");
  }, 60_000);

  test("e2e: a store without its key is refused, and is not made anybody else's", async () => {
    await using cube = await Cube.start();
    await cube.end();
    const key = join(cube.dataDir, "manager.key");
    renameSync(key, `${key}.away`);
    const refused = await cube.fails();
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("Restore the key")]);
    renameSync(`${key}.away`, key);
    await cube.start();
    expect((await cube.cli("status")).code).toBe(0);
  }, 60_000);

  test("e2e: a manager in memory that left nothing running begins anew at each start", async () => {
    await using cube = await Cube.start({ args: ["--dbType", "memory"] });
    for (let round = 0; round < 3; round++) {
      await cube.complete("job", TEST_IMAGE, "--", "true");
      await cube.end("SIGKILL");
      await cube.start();
    }
    await cube.complete("job", TEST_IMAGE, "--", "true");
  }, 60_000);

  test("e2e: a directory of a newer format, one without rights and one that is no directory are refused and left alone", async () => {
    const { cube, running } = await stopped();
    const file = join(cube.dataDir, "cube-data.json");
    const format = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    const key = Object.keys(format).find((name) => typeof format[name] === "number") ?? "";
    const newer = JSON.stringify({ ...format, [key]: 999 });
    writeFileSync(file, newer);
    const refused = await cube.fails();
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/format 999.*newer Cube/s) });
    expect(readFileSync(file, "utf8")).toBe(newer);
    expect(await cube.containers()).toEqual(running as never);

    writeFileSync(file, JSON.stringify(format));
    chmodSync(cube.dataDir, 0o777);
    expect(await cube.fails()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/others may write.*chmod 700/s),
    });
    chmodSync(cube.dataDir, 0o700);

    const plain = join(cube.home, "plain");
    writeFileSync(plain, "");
    expect(await cube.fails("--data-dir", plain)).toMatchObject({ code: 1, stderr: expect.stringContaining(plain) });
    expect(await cube.fails("--data-dir", "/proc/1/nothing")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("/proc/1/nothing"),
    });
    await cube.start();
    await cube.state("a", "running");
    expect(await cube.containers()).toEqual(running as never);
  }, 90_000);

  test.skipIf(process.getuid?.() !== 0)(
    "e2e: a directory that this user may not read is refused in words",
    async () => {
      await using cube = new Cube();
      const secret = join(cube.home, "secret");
      mkdirSync(secret, { mode: 0o700 });
      chmodSync(cube.home, 0o755);
      const program = join(cube.home, "cube");
      cpSync(process.env.CUBE_BIN ?? "", program);
      chmodSync(program, 0o755);
      const run = Bun.spawn([program, "--headless", "all", "--port", "0", "--data-dir", secret], {
        cwd: "/",
        env: { ...cube.env, HOME: "/tmp" },
        uid: 65534,
        gid: 65534,
        stdout: "pipe",
        stderr: "pipe",
      } as Parameters<typeof Bun.spawn>[1]);
      expect(await run.exited).toBe(1);
      expect(await new Response(run.stderr as ReadableStream).text()).toContain(secret);
    },
    60_000,
  );
});
