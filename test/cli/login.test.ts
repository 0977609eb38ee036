// Whom a user trusts elsewhere: asked as ssh asks, remembered for that user alone, and never silently.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { ClientError } from "../../src/client/cluster-client.ts";
import { knownManagersFile, readKnownManagers, rememberManager } from "../../src/config/known-managers.ts";
import type { Identity } from "../../src/transport/identity.ts";
import { makeIdentity } from "../api/served-tls.ts";
import { FakeShell, until } from "./fake-shell.ts";

let identity: Identity;
let server: Server;
let address: string;
let shell: FakeShell;
let file: string;
/** What the server could read: nothing, ever, for the client behind the commands is a fake. */
let read = "";

beforeEach(async () => {
  identity = await makeIdentity();
  read = "";
  server = createServer({ key: identity.keyPem, cert: identity.certPem }, (socket) => {
    socket.on("error", () => undefined).on("data", (data) => (read += data.toString()));
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  address = `127.0.0.1:${typeof at === "object" && at !== null ? at.port : 0}`;
  shell = new FakeShell();
  file = knownManagersFile(join(shell.home, ".config", "cube"));
});
afterEach(() => {
  expect(read).toBe("");
  server.close();
  shell[Symbol.dispose]();
});

const known = () => Object.fromEntries(readKnownManagers(file));

test("cli/login: a key that nobody vouched for is not trusted without somebody to ask", async () => {
  shell.env.CUBE_TOKEN = "t";
  const { code, err } = await shell.run("login", address);
  expect([code, err]).toEqual([
    1,
    `cube: the manager at ${address} is not known here; it says that it is cluster ${identity.id}\nif that is the cluster that you mean: cube login ${address} --cluster-id ${identity.id}\n`,
  ]);
  expect([existsSync(file), shell.targets]).toEqual([false, []]);
});

test("cli/login: with the cluster's id it is remembered with its token, for this user alone", async () => {
  shell.env.CUBE_TOKEN = "t";
  expect(await shell.run("login", address, "--cluster-id", identity.id)).toEqual({
    code: 0,
    out: `logged in to laptop at ${address}, cluster ${identity.id}\n`,
    err: `commands reach it by -m ${address}, or with CUBE_MANAGER=${address}; the screen: cube attach ${address}\n`,
  });
  expect(known()).toEqual({ [address]: { clusterId: identity.id, token: "t" } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  delete shell.env.CUBE_TOKEN;
  await shell.run("status", "-m", address);
  expect(shell.targets.at(-1)).toMatchObject({ kind: "tls", clusterId: identity.id, token: "t" });
});

test("cli/login: on a terminal the id is shown and confirmed, and the token is typed unseen", async () => {
  shell.stdin.isTTY = true;
  shell.stderr.isTTY = true;
  const running = shell.run("login", address);
  await until(() => shell.stderr.text.includes("(yes/no)"));
  expect(shell.stderr.text).toContain(identity.id);
  void shell.stdin.type("yes\n");
  await until(() => shell.stderr.text.includes("Token") && shell.stdin.isOpen);
  void shell.stdin.type("secrex");
  void shell.stdin.type("\u007ft\r");
  expect((await running).code).toBe(0);
  expect(known()).toEqual({ [address]: { clusterId: identity.id, token: "secret" } });
  expect(shell.stdin.modes).toEqual([true, false]);
  expect(shell.stderr.text + shell.stdout.text).not.toContain("secret");
});

test("cli/login: whoever does not confirm has nothing remembered, and Ctrl+C is heard while a token is typed", async () => {
  shell.stdin.isTTY = true;
  shell.stderr.isTTY = true;
  for (const answer of ["no\n", "\n", "y\n"]) {
    const running = shell.run("login", address);
    await until(() => shell.stderr.text.includes("(yes/no)") && shell.stdin.isOpen);
    void shell.stdin.type(answer);
    expect(await running).toMatchObject({ code: 1, err: expect.stringContaining("not confirmed") });
  }
  const running = shell.run("login", address, "--cluster-id", identity.id);
  await until(() => shell.stderr.text.includes("Token") && shell.stdin.isOpen);
  void shell.stdin.type("\u0003");
  expect((await running).code).toBe(130);
  expect([existsSync(file), shell.stdin.modes]).toEqual([false, [true, false]]);
});

test("cli/login: another key than the one known is refused loudly, and only logout makes way", async () => {
  const other = (await makeIdentity()).id;
  rememberManager(file, address, { clusterId: other, token: "t" });
  shell.stdin.isTTY = true;
  shell.stderr.isTTY = true;
  const changed = await shell.run("login", address);
  expect([
    changed.code,
    changed.err.includes("HAS ANOTHER KEY THAN EXPECTED"),
    changed.err.includes("cube logout"),
  ]).toEqual([1, true, true]);
  expect(await shell.run("login", address, "--cluster-id", identity.id)).toMatchObject({
    code: 2,
    err: expect.stringContaining("is known as another cluster"),
  });
  expect(known()[address]?.clusterId).toBe(other);
  expect(await shell.run("logout", address)).toEqual({ code: 0, out: `${address} is forgotten\n`, err: "" });
  expect(await shell.run("logout", address)).toMatchObject({ code: 1, err: `cube: ${address} is not known here\n` });
  expect(known()).toEqual({});
});

test("cli/login: a token that does not work is not remembered, and does not take another's place", async () => {
  rememberManager(file, address, { clusterId: identity.id, token: "works" });
  shell.env.CUBE_TOKEN = "revoked";
  shell.client.down = new ClientError("unauthorized", "a valid token is needed", "");
  expect(await shell.run("login", address)).toEqual({
    code: 1,
    out: "",
    err: `cube: the manager at ${address} does not know this token: it was revoked, or mistyped\n\`cube token create NAME\` on its machine makes one\n`,
  });
  expect(known()).toEqual({ [address]: { clusterId: identity.id, token: "works" } });
});

test("cli/attach: an address is its manager; a cluster id that proves right is remembered, the token at hand is not", async () => {
  shell.env.CUBE_TOKEN = "t";
  expect(await shell.run("attach", address, "--cluster-id", identity.id)).toMatchObject({ code: 0 });
  expect(shell.roles).toEqual(["attach 127.0.0.1"]);
  expect(known()).toEqual({ [address]: { clusterId: identity.id, token: "" } });
  const wrong = (await makeIdentity()).id;
  await shell.run("logout", address);
  expect(await shell.run("attach", address, "--cluster-id", wrong)).toMatchObject({
    code: 1,
    err: expect.stringContaining("HAS ANOTHER KEY"),
  });
  expect([known(), shell.roles.length]).toEqual([{}, 1]);
  expect(await shell.run("attach", address, "-m", address)).toMatchObject({ code: 2 });
  await shell.run("attach");
  expect(shell.roles.at(-1)).toContain("cube.sock");
});
