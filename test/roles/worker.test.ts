// A worker alone that cannot join: who starts it sees why.
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeResource } from "../../src/client/resources.ts";
import { freePort, until } from "../e2e/until.ts";
import { Machine } from "./processes.ts";

const TOKEN = `cube1.${"a".repeat(52)}.${"b".repeat(32)}\n`;

test("roles: a join token file that was named and cannot be used ends the worker with its name", async () => {
  await using machine = new Machine();
  const file = join(machine.home, "token");
  const attempt = () =>
    machine.run("worker", "--join", "127.0.0.1:1", "--join-token-file", file, "--data-dir", machine.dataOf("w"));
  const missing = await attempt();
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining(`${file}: there is no such file`)]);
  writeFileSync(file, TOKEN);
  chmodSync(file, 0o644);
  const open = await attempt();
  expect([open.code, open.err]).toEqual([2, expect.stringContaining(`chmod 600 ${file}`)]);
  writeFileSync(file, "nonsense\n");
  chmodSync(file, 0o600);
  const none = await attempt();
  expect([none.code, none.err]).toEqual([2, expect.stringContaining(`${file}: a join token looks like`)]);
}, 60_000);

test("roles: a join token file that is named for a worker is not written by a manager on the same machine", async () => {
  await using machine = new Machine();
  const file = join(machine.home, "token");
  writeFileSync(file, TOKEN, { mode: 0o600 });
  const config = join(machine.home, "config.json");
  writeFileSync(config, JSON.stringify({ joinTokenFile: "token" }));
  machine.start("m", "manager", "-p", "0", "--config", config);
  await until("the manager answers", async () => {
    const { code } = await machine.run("node", "--data-dir", machine.dataOf("m"));
    return code === 0;
  });
  expect(readFileSync(file, "utf8")).toBe(TOKEN);
}, 60_000);

test("roles: a worker whose manager cannot be dialled says so on the screen", async () => {
  await using machine = new Machine();
  const file = join(machine.home, "token");
  writeFileSync(file, TOKEN, { mode: 0o600 });
  const address = `127.0.0.1:${freePort()}`;
  const child = machine.start("w", "worker", "--join", address, "--join-token-file", file);
  let err = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    err += part;
    if (err.includes("\n")) break;
  }
  expect(err).toMatch(new RegExp(`^cube: manager at ${address}: .*ECONNREFUSED`));
}, 60_000);

test("roles: a worker whose journal is damaged says so on the screen", async () => {
  await using machine = new Machine();
  const folder = join(machine.dataOf("w"), "worker");
  const address = `127.0.0.1:${freePort()}`;
  const first = machine.start("w", "worker", "--join", address);
  await until("the journal is there", async () => existsSync(join(folder, "worker.journal")));
  first.kill("SIGKILL");
  await first.exited;
  writeFileSync(join(folder, "worker.journal"), "no frame of ours, and long enough to be called damage\n");
  const child = machine.start("w", "worker", "--join", address);
  let err = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    err += part;
    if (err.includes("journal")) break;
  }
  expect(err).toContain("cube: the worker's journal is damaged: ");
}, 60_000);

test("roles: a worker that has joined needs no token, whichever manager has left its own on the machine since", async () => {
  await using machine = new Machine();
  const port = `${freePort()}`;
  const worker = () => machine.start("w", "worker", "-p", port, "-n", "w", "--runtime", "process");
  const linked = () =>
    until("the worker is linked", async () => {
      const { out } = await machine.run("node", "--json", "--data-dir", machine.dataOf("a"));
      return (JSON.parse(out || "[]") as NodeResource[]).some(({ dialledBy }) => dialledBy === "manager");
    });
  machine.start("a", "manager", "-p", "0", "--workers", `127.0.0.1:${port}`);
  worker();
  await linked();
  const token = join(machine.home, ".config", "cube", "join-token");
  const ofA = readFileSync(token, "utf8");
  machine.start("b", "manager", "-p", "0", "--workers", `127.0.0.1:${freePort()}`);
  await until("the other manager's token", async () => readFileSync(token, "utf8") !== ofA);
  await machine.end("b");
  await machine.end("w");
  await until("the end of the link", async () => {
    const { out } = await machine.run("node", "--json", "--data-dir", machine.dataOf("a"));
    return (JSON.parse(out) as NodeResource[]).every(({ dialledBy }) => dialledBy === undefined);
  });
  worker();
  await linked();
}, 90_000);

test("roles: a worker that has joined is let in again by a manager on its machine that forgets everything with its end", async () => {
  await using machine = new Machine();
  const port = `${freePort()}`;
  const manager = () => machine.start("m", "manager", "-p", port, "-d", "memory", "--no-local-worker");
  const linked = () =>
    until("the worker is linked", async () => {
      const { out } = await machine.run("node", "--json", "--data-dir", machine.dataOf("m"));
      return (JSON.parse(out || "[]") as NodeResource[]).some(({ dialledBy }) => dialledBy === "worker");
    });
  manager();
  machine.start("w", "worker", "--join", `127.0.0.1:${port}`, "-n", "w", "--runtime", "process");
  await linked();
  await machine.end("m");
  manager();
  await linked();
}, 90_000);
