import { expect, test } from "bun:test";
import { type Config, loadConfig, type Role } from "../../src/config/config.ts";
import type { Flags } from "../../src/config/sources.ts";
import { ConfigError } from "../../src/config/wrong-value.ts";

function load(flags: Flags, role: Role = "all"): Config {
  return loadConfig({ env: {}, home: "/none", cwd: "/srv" }, { flags, role });
}

function problem(flags: Flags, role: Role = "all"): string {
  try {
    load(flags, role);
    return "no problem";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message} | ${error.hint}`;
  }
}

test("config: beyond loopback the manager listens with tokens only, and the book's worker API never", () => {
  const wayOut = "listen on 127.0.0.1, or leave the option out";
  expect([
    problem({ host: "0.0.0.0" }),
    problem({ workerHost: "0.0.0.0" }, "worker"),
    problem({ listen: "0.0.0.0:80", auth: false }),
    problem({ workerHost: "0.0.0.0" }),
    problem({ host: "127.1.2.3", auth: false }),
  ]).toEqual([
    "no problem",
    "no problem",
    `refusing to listen on 0.0.0.0: --no-auth lets in everybody who can reach the port | ${wayOut}`,
    `refusing to listen on 0.0.0.0: the book's worker API has no TLS | ${wayOut}`,
    "no problem",
  ]);
});

test("config: --listen names host and port, and --port still counts more", () => {
  const listening = (flags: Flags) => [load(flags).manager.host, load(flags).manager.port];
  expect([
    listening({ listen: "[::1]:80" }),
    listening({ listen: "localhost" }),
    listening({ listen: "localhost:80", port: "81" }),
  ]).toEqual([
    ["::1", 80],
    ["localhost", 5555],
    ["localhost", 81],
  ]);
});
