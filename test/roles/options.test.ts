// Which options make no sense in a role, from what a person wrote.
import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config/config.ts";
import type { Flags } from "../../src/config/sources.ts";
import { contradiction, type RoleName } from "../../src/roles/options.ts";

function verdict(role: RoleName, flags: Flags, env: Record<string, string> = {}): string {
  const config = loadConfig(
    { env, home: "/none", cwd: "/srv" },
    { flags, role: role === "worker" || role === "manager" ? role : "all" },
  );
  return contradiction(config, role) ?? "fine";
}

test("roles: a flag that means nothing in the role is refused by its name, with the way out", () => {
  const toManager = "is for a manager: `cube worker --help` has what is for a worker";
  const anothers =
    "is for a manager and a worker of one's own, and this is the screen of another manager: leave it out";
  const beside = "needs a worker beside the manager: `cube --headless all`";
  const within = "needs a worker in this process: leave --no-local-worker out";
  const cases: [RoleName, Flags, string][] = [
    ["worker", { port: "1" }, `--port ${toManager}`],
    ["worker", { listen: "127.0.0.1:1" }, `--listen ${toManager}`],
    ["worker", { scheduler: "pack" }, `--scheduler ${toManager}`],
    ["worker", { auth: false }, `--no-auth ${toManager}`],
    ["worker", { workers: ["a:1"] }, `--workers ${toManager}`],
    ["worker", { acceptLoss: true }, `--accept-loss ${toManager}`],
    ["worker", { adopt: true }, `--adopt ${toManager}`],
    [
      "worker",
      { tokenFile: "/x" },
      "--token-file is for commands and the screen: a worker is let in by --join-token-file",
    ],
    ["manager", { localWorker: true }, `--local-worker ${beside}`],
    ["manager", { name: "n" }, `--name ${beside}`],
    ["all", { localWorker: false, workerPort: "1" }, `--worker-port ${within}`],
    ["ui", { localWorker: false, labels: ["a=b"] }, `--label ${within}`],
    ["all", { tokenFile: "/x" }, "--token-file is for a manager that runs already: leave it out to begin one"],
    ["ui", { join: "a:1" }, "--join is for a worker alone: `cube worker --join HOST:PORT`"],
    ["all", { readOnly: true }, "--read-only is for the screen: leave it out, or give it to `cube attach`"],
    ["all", { bookApi: true }, "--book-api is about the worker's own port: give --worker-port 5556 too"],
    ["attach", { manager: "localhost:1", port: "1" }, `--port ${anothers}`],
    ["attach", { manager: "localhost:1", exec: false }, `--no-exec ${anothers}`],
  ];
  expect(cases.map(([role, flags]) => verdict(role, flags))).toEqual(cases.map(([, , text]) => text));
});

test("roles: what a role has a use for is taken", () => {
  const cases: [RoleName, Flags][] = [
    ["ui", { readOnly: true, listen: "0.0.0.0:1", adopt: true, workerPort: "0", bookApi: true }],
    ["attach", { readOnly: true, manager: "localhost:1", tokenFile: "/dev/null" }],
    ["manager", { store: "memory", workers: ["a:1"], localWorker: false, acceptLoss: true }],
    ["worker", { store: "memory", workerHost: "0.0.0.0", workerPort: "0", name: "n", bookApi: true }],
    ["worker", { join: "a:1", workerPort: "0", bookApi: true }],
  ];
  expect(cases.map(([role, flags]) => verdict(role, flags))).toEqual(cases.map(() => "fine"));
});

test("roles: in a variable the settings of one role do not keep another from starting", () => {
  const env = {
    CUBE_READ_ONLY: "1",
    CUBE_JOIN: "a:1",
    CUBE_JOIN_TOKEN: "t",
    CUBE_WORKER_HOST: "0.0.0.0",
    CUBE_BOOK_API: "1",
    CUBE_SCHEDULER: "pack",
    CUBE_NAME: "n",
    CUBE_LOCAL_WORKER: "1",
  };
  expect((["ui", "all", "manager", "attach"] as const).map((role) => verdict(role, {}, env))).toEqual([
    "fine",
    "fine",
    "fine",
    "fine",
  ]);
  expect(verdict("worker", { workerPort: "0" }, env)).toBe("fine");
});

test("roles: what would be open to others is refused where it would listen, by the place where that was written", () => {
  const open = { CUBE_HOST: "0.0.0.0", CUBE_WORKER_HOST: "0.0.0.0" };
  const refusals = (role: RoleName) => [
    verdict(role, { auth: false, listen: "0.0.0.0:80" }),
    verdict(role, {}, { ...open, CUBE_AUTH: "no" }),
    verdict(role, {}, { ...open, CUBE_WORKER_PORT: "5556" }),
  ];
  const noToken = (host: string, auth: string) =>
    `refusing to listen on 0.0.0.0 (${host}): without a token (${auth}) whoever reaches the port is let in. Leave one of the two out`;
  expect(refusals("all")).toEqual([
    noToken("--listen", "--no-auth"),
    noToken("CUBE_HOST", "CUBE_AUTH"),
    "refusing to listen on 0.0.0.0 (CUBE_WORKER_HOST): the worker API of the book has no TLS. Leave it out: a manager's own worker is on 127.0.0.1",
  ]);
  expect(refusals("manager").at(-1)).toBe("fine");
  expect(refusals("attach").slice(1)).toEqual(["fine", "fine"]);
  expect(verdict("all", { host: "127.1.2.3", auth: false })).toBe("fine");
});
