// Which manager a command speaks to, and with which token.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig } from "../../src/config/config.ts";
import type { Flags } from "../../src/config/sources.ts";
import { problemOf } from "./problem.ts";

let home = "";
let file = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cube-config-"));
  mkdirSync(join(home, ".config", "cube"), { recursive: true });
  file = join(home, ".config", "cube", "config.json");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function load(at: { flags?: Flags; env?: Record<string, string> } = {}): Config {
  return loadConfig({ env: at.env ?? {}, home, cwd: "/srv" }, { flags: at.flags ?? {}, role: "all" });
}

function problem(at: { flags?: Flags; env?: Record<string, string> } = {}): string {
  return problemOf(() => load(at), home);
}

test("config: a manager is HOST:PORT, HOST or the path of a socket", () => {
  const texts = [
    "host:80",
    "host",
    "[::1]:80",
    "http://127.0.0.1:81/",
    "/run/c.sock",
    "./c.sock",
    "~/c.sock",
    "unix:///run/c.sock",
  ];
  expect(texts.map((manager) => load({ flags: { manager } }).target)).toEqual([
    { kind: "tls", host: "host", port: 80, clusterId: "", token: "" },
    { kind: "tls", host: "host", port: 5555, clusterId: "", token: "" },
    { kind: "tcp", host: "::1", port: 80, token: "" },
    { kind: "tcp", host: "127.0.0.1", port: 81, token: "" },
    { kind: "unix", path: "/run/c.sock" },
    { kind: "unix", path: "/srv/c.sock" },
    { kind: "unix", path: join(home, "c.sock") },
    { kind: "unix", path: "/run/c.sock" },
  ]);
  expect(
    ["host:port", "ftp://x", "a b", "h:99999"].map((manager) => problem({ flags: { manager } }).split(" | ")[0]),
  ).toEqual(["host:port", "ftp://x", "a b", "h:99999"].map((text) => `"${text}" is no manager's address`));
});

test("config: a socket without a path is refused, and is not the directory where one stands", () => {
  expect(problem({ flags: { manager: "unix://" } })).toContain("the path of a socket such as unix:///run/cube.sock");
});

test("config: in the file the path of a manager's socket starts at the file's directory", () => {
  const target = (manager: string) => {
    writeFileSync(file, JSON.stringify({ manager }));
    return load().target;
  };
  const path = join(home, ".config", "cube", "c.sock");
  expect([target("./c.sock"), target("unix://c.sock"), target("localhost:1")]).toEqual([
    { kind: "unix", path },
    { kind: "unix", path },
    { kind: "tcp", host: "localhost", port: 1, token: "" },
  ]);
});

test("config: the token is the variable's, else the named file's, else for loopback the data directory's", () => {
  const data = join(home, "data");
  mkdirSync(data);
  writeFileSync(join(data, "api-token"), "of-the-directory\n");
  writeFileSync(join(home, "token"), "of-the-file\n");
  const token = (at: { env?: Record<string, string>; flags?: Flags; manager?: string }) => {
    const { target } = load({ ...at, flags: { dataDir: data, manager: at.manager ?? "127.0.0.1", ...at.flags } });
    return target.kind === "unix" ? target.path : target.token;
  };
  const flags = { tokenFile: join(home, "token") };
  expect([
    token({ env: { CUBE_TOKEN: " of-the-variable " }, flags }),
    token({ flags }),
    token({}),
    token({ manager: "example.org" }),
  ]).toEqual(["of-the-variable", "of-the-file", "of-the-directory", ""]);
  expect(problem({ flags: { manager: "localhost", tokenFile: "/none" } })).toBe(
    "cannot read the token file /none: there is no such file",
  );
});
