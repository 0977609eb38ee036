// What a worker's containers may ask of its machine, from what its owner wrote.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { policyOf } from "../../src/roles/node-worker.ts";

test("roles: no container is given the files that hold Cube's keys and tokens, wherever they lie", () => {
  const folder = mkdtempSync(join(tmpdir(), "cube-policy-"));
  const config = join(folder, "cube.json");
  writeFileSync(config, "{}");
  const place = { env: { XDG_CONFIG_HOME: "/home/u/conf" }, home: "/home/u", cwd: "/srv" };
  const flags = { config, dataDir: "data", joinTokenFile: "token", allowBind: ["/"], allowPrivileged: true };
  const { protect, allowBind } = policyOf(loadConfig(place, { flags, role: "worker" }));
  rmSync(folder, { recursive: true });
  expect([protect, allowBind]).toEqual([["/srv/data", "/home/u/conf/cube", "/srv/token", config], ["/"]]);
});
