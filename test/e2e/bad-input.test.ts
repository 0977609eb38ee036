import { beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube } from "./cube.ts";
import { freePort } from "./until.ts";

const SLEEP = ["--", "sleep", "1000"];

describe.skipIf(dockerSwitchedOff())("e2e: bad input", () => {
  beforeAll(requireDocker);

  test("e2e: an unknown image, here or in a registry, is rejected with its name and nothing is left behind", async () => {
    await using cube = await Cube.start();
    await using registry = await emptyRegistry();
    await cube.ok("run", "cube-test/none:1", "--name", "local", "--pull", "never", ...SLEEP);
    expect((await cube.state("local", "rejected")).message).toContain("cube-test/none:1");
    const remote = `127.0.0.1:${registry.port}/team/none:1`;
    await cube.ok("run", remote, "--name", "remote", ...SLEEP);
    expect((await cube.state("remote", "rejected")).message).toContain("team/none");
    const closed = `127.0.0.1:${freePort()}/team/none:1`;
    await cube.ok("run", closed, "--name", "unreachable", "--restart", "always", ...SLEEP);
    const retrying = await cube.task("unreachable", ({ message }) => message !== "", "says what is wrong");
    expect(retrying.message).toMatch(/registry|connect/i);
    expect(retrying.state).not.toBe("rejected");
    expect(await cube.containers()).toEqual([]);
  }, 60_000);

  test("e2e: a port that another program has is said, and the task runs once it is free", async () => {
    await using cube = await Cube.start();
    const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const flags = ["--name", "web", "--restart", "always", "-p", `127.0.0.1:${other.port}:80`];
    await cube.ok("run", TEST_IMAGE, ...flags, ...SLEEP);
    const failing = await cube.task("web", ({ exits }) => exits.length > 0, "says what is wrong");
    expect(failing.exits[0]?.reason).toMatch(new RegExp(`port.*${other.port}|${other.port}.*in use`));
    other.stop(true);
    await cube.state("web", "running");
  }, 60_000);

  test("e2e: wrong flags and files are refused with exit code 2 before anything is sent", async () => {
    await using cube = await Cube.start();
    mkdirSync(join(cube.home, "folder"));
    writeFileSync(join(cube.home, "broken.json"), '{"name": "x", ');
    writeFileSync(join(cube.home, "typo.json"), '{"name": "x", "image": "y", "memmory": "1g"}');
    const refusals: [string[], RegExp][] = [
      [["run", TEST_IMAGE, "--memory", "lots"], /memory/],
      [["run", TEST_IMAGE, "--memory", "-5"], /memory/],
      [["run", TEST_IMAGE, "--cpus", "-1"], /cpus/],
      [["run", TEST_IMAGE, "-p", "99999:80"], /port/],
      [["run", TEST_IMAGE, "--name", "Not A Name!"], /name/],
      [["run", TEST_IMAGE, "--restrat", "always"], /--restart/],
      [["run", "-f", "folder"], /folder.*directory/s],
      [["run", "-f", "missing.json"], /missing\.json/],
      [["run", "-f", "broken.json"], /broken\.json.*JSON/s],
      [["run", "-f", "typo.json"], /memmory/],
      [["statsu"], /status/],
      [["run"], /IMAGE/],
    ];
    for (const [args, wanted] of refusals) {
      const { code, stdout, stderr } = await cube.cli(...args);
      expect(`${args.join(" ")}: ${code} ${stderr}`).toMatch(new RegExp(`: 2 cube: .*(?:${wanted.source})`, "s"));
      expect(stdout).toBe("");
    }
    expect(await cube.tasks()).toEqual([]);
  }, 60_000);

  test("e2e: a malformed body, wrong types and impossible values get a 400 that names them", async () => {
    await using cube = await Cube.start();
    const bodies: [string, RegExp][] = [
      ['{"name": "x", ', /JSON/],
      ["[]", /object/],
      ['{"name": "x", "image": 7}', /image/],
      ['{"name": "x", "image": "y", "count": -1}', /count/],
      ['{"name": "x", "image": "y", "memoryBytes": 1e300}', /memoryBytes/],
      ['{"name": "x", "image": "y", "nonsense": true}', /nonsense/],
      ['{"name": "x", "image": "y", "ports": ["what"]}', /ports/],
    ];
    for (const [body, wanted] of bodies) {
      const answer = await cube.api("/v1/jobs", { method: "POST", body });
      const text = await answer.text();
      expect(`${body} ${answer.status} ${text}`).toMatch(new RegExp(` 400 .*(?:${wanted.source})`, "s"));
      expect(JSON.parse(text)).toEqual({
        error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
      });
    }
    const huge = await cube.api("/v1/jobs", { method: "POST", body: `{"name":"${"x".repeat(20_000_000)}"}` });
    expect(huge.status).toBe(413);
    expect(await cube.tasks()).toEqual([]);
    expect(await cube.manager()).toMatchObject({ health: "ok" });
  }, 60_000);

  test("e2e: a terminal that is none, and a taken port, end the start with a clear word", async () => {
    await using cube = new Cube();
    const none = await cube.cli(...cube.flags);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("--headless") });
    const dumb = cube.screen({ term: "dumb" });
    expect(await dumb.exit()).toBe(2);
    expect(dumb.text()).toMatch(/TERM|dumb/);
    expect(cube.pids()).toEqual([]);

    const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const taken = await cube.fails("--port", String(other.port));
    other.stop(true);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain(String(other.port));
    expect(taken.stderr).toContain("--port");
  }, 60_000);
});

/** A registry in which nothing is. */
async function emptyRegistry(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer(({ url }, response) => {
    const known = url === "/v2/";
    response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
    response.end(known ? "{}" : '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}
