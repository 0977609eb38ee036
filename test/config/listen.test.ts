import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import type { Flags } from "../../src/config/sources.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cube-listen-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Where a manager would listen. */
function listening(flags: Flags, elsewhere: { env?: Record<string, string>; file?: object } = {}) {
  const config = join(home, "config.json");
  writeFileSync(config, JSON.stringify(elsewhere.file ?? {}));
  const place = { env: { ...elsewhere.env, CUBE_CONFIG: config }, home, cwd: home };
  const { manager, origins } = loadConfig(place, { flags, role: "all" });
  return [manager.host, manager.port, origins.host?.where ?? ""];
}

test("config: --listen names host and port, and --port still counts more", () => {
  expect([
    listening({ listen: "[::1]:80" }),
    listening({ listen: "localhost" }),
    listening({ listen: "localhost:80", port: "81" }),
  ]).toEqual([
    ["::1", 80, "--listen"],
    ["localhost", 5555, "--listen"],
    ["localhost", 81, "--listen"],
  ]);
});

test("config: --listen counts more than host and port in file and environment, and leaves a port that it does not name", () => {
  const elsewhere = { env: { CUBE_HOST: "127.0.0.2" }, file: { host: "127.0.0.3", port: 1 } };
  expect([
    listening({ listen: "0.0.0.0:80" }, elsewhere),
    listening({ listen: "0.0.0.0" }, elsewhere),
    listening({}, { ...elsewhere, env: { CUBE_LISTEN: "0.0.0.0:2" } }),
    listening({ host: "127.0.0.1" }, { env: { CUBE_LISTEN: "0.0.0.0:2" } }),
  ]).toEqual([
    ["0.0.0.0", 80, "--listen"],
    ["0.0.0.0", 1, "--listen"],
    ["0.0.0.0", 2, "CUBE_LISTEN"],
    ["127.0.0.1", 2, "--host"],
  ]);
});
