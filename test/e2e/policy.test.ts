import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { Cube, folderIn } from "./cube.ts";

const SLEEP = ["--", "sleep", "1000"];

describe.skipIf(dockerSwitchedOff())("e2e: what a task may ask of the machine", () => {
  beforeAll(requireDocker);

  test("e2e: a bind inside the home is given, everything beyond the sandbox is refused with the flag that allows it", async () => {
    await using cube = await Cube.start();
    const folder = folderIn(cube, "files");
    writeFileSync(join(folder, "hello"), "from home\n");
    await cube.complete("inside", "-v", `${folder}:/in:ro`, TEST_IMAGE, "--", "cat", "/in/hello");
    expect(await cube.ok("logs", "inside")).toBe("from home");

    const refusals: [string, string[], RegExp][] = [
      ["etc", ["-v", "/etc:/in"], /--allow-bind/],
      ["socket", ["-v", `${cube.engine.socket}:/var/run/docker.sock`], /--allow-engine-socket/],
      ["parent", ["-v", `${folder}/../../../etc:/in`], /--allow-bind/],
      ["data", ["-v", `${cube.dataDir}:/in`], /own data/],
      ["config", ["-v", `${join(cube.home, ".config")}:/in`], /own data/],
      ["privileged", ["--privileged"], /--allow-privileged/],
      ["host", ["--network", "host"], /--allow-host-network/],
      ["device", ["--device", "/dev/kmsg"], /--allow-device/],
      ["caps", ["--cap-add", "SYS_ADMIN"], /--allow-cap/],
    ];
    for (const [name, flags, wanted] of refusals) {
      const said = await cube.cli("run", TEST_IMAGE, "--name", name, ...flags, ...SLEEP);
      const refusal = said.code === 0 ? (await cube.state(name, "rejected")).message : said.stderr;
      expect(`${name}: ${refusal}`).toMatch(wanted);
    }
    const names = (await cube.containers()).map((container) => container.labels["io.cube.service"]);
    expect(names.filter((name) => name !== "inside")).toEqual([]);
  }, 60_000);

  test("e2e: with its flag each of them is given", async () => {
    await using cube = await Cube.start({ args: ["--allow-bind", "/etc", "--allow-cap", "NET_ADMIN"] });
    await cube.complete("etc", "-v", "/etc:/in:ro", TEST_IMAGE, "--", "test", "-f", "/in/hosts");
    await cube.complete("cap", "--cap-add", "NET_ADMIN", TEST_IMAGE, "--", "true");
  }, 60_000);
});
