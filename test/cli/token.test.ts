import { expect, test } from "bun:test";
import { ClientError } from "../../src/client/cluster-client.ts";
import { NOW_MS } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

test("cli/token: the secret alone goes to standard output, what to do with it beside it", async () => {
  using shell = new FakeShell();
  const made = await shell.run("token", "create", "ci", "--role", "operate");
  expect(made).toMatchObject({ code: 0, out: "the-secret\n" });
  expect(made.err).toBe(
    [
      "token ci may operate; its secret is shown this once:",
      "",
      "from elsewhere: cube login HOST:PORT --cluster-id c1",
      "(it asks for the secret; a script gives it by CUBE_TOKEN)",
      "",
    ].join("\n"),
  );
  await shell.run("token", "create", "looker");
  expect(shell.client.tokenList.map(({ name, role }) => [name, role])).toEqual([
    ["ci", "operate"],
    ["looker", "view"],
  ]);
});

test("cli/token: the list shows role, age, maker and last use, and never a secret", async () => {
  using shell = new FakeShell();
  const created = { createdMs: NOW_MS - 3_600_000, createdBy: "unix:me" };
  shell.client.tokenList = [
    { name: "ci", role: "operate", ...created, lastUsedMs: NOW_MS - 5_000 },
    { name: "looker", role: "view", ...created, lastUsedMs: 0 },
  ];
  const lines = [
    "NAME     ROLE      CREATED             BY        LAST USED",
    "ci       operate   About an hour ago   unix:me   5 seconds ago",
    "looker   view      About an hour ago   unix:me   -",
    "",
  ].join("\n");
  expect(await shell.run("token", "ls")).toEqual({ code: 0, out: lines, err: "" });
  expect((await shell.run("token")).out).toBe(lines);
  expect(JSON.parse((await shell.run("token", "ls", "--json")).out)).toEqual(shell.client.tokenList);
});

test("cli/token: revoking names each; one that is not there is refused", async () => {
  using shell = new FakeShell();
  const token = { role: "view", createdMs: 1, createdBy: "me", lastUsedMs: 0 } as const;
  shell.client.tokenList = [
    { name: "a", ...token },
    { name: "b", ...token },
  ];
  expect(await shell.run("token", "revoke", "a", "b")).toEqual({ code: 0, out: "a\nb\n", err: "" });
  expect(await shell.run("token", "rm", "c")).toMatchObject({ code: 1, err: 'cube: no token "c"\n' });
  expect(await shell.run("token", "revoke", "typo", "b", "a")).toEqual({
    code: 1,
    out: "b\na\n",
    err: 'cube: no token "typo"\n',
  });
  expect(shell.client.calls).toEqual(["revoke a", "revoke b", "revoke b", "revoke a"]);
});

test("cli/token: wrong words are the user's mistake, a role that is too small is said with the one that is needed", async () => {
  using shell = new FakeShell();
  expect((await shell.run("token", "create", "x", "--role", "root")).code).toBe(2);
  expect((await shell.run("token", "create")).code).toBe(2);
  expect(await shell.run("token", "mak")).toMatchObject({ code: 2 });
  shell.client.down = new ClientError("forbidden", "this needs the role admin", "use a token with the role admin");
  expect(await shell.run("token", "ls")).toEqual({
    code: 1,
    out: "",
    err: "cube: this needs the role admin\nuse a token with the role admin\n",
  });
});
