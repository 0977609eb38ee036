// Who is let in, by which key and token, and what is said to whom is not: over real sockets on loopback.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { helloOf, ManagerEnd, scratch, until, WorkerEnd } from "./links-bed.ts";

let opened: DisposableStack;
beforeEach(() => {
  opened = new DisposableStack();
});
afterEach(() => opened.dispose());

function manager(directory: string, more?: ConstructorParameters<typeof ManagerEnd>[1]): ManagerEnd {
  const end = new ManagerEnd(directory, more);
  opened.defer(() => end.end());
  return end;
}

function worker(...args: ConstructorParameters<typeof WorkerEnd>): WorkerEnd {
  const end = new WorkerEnd(...args);
  opened.defer(() => end.end());
  return end;
}

test("enrolment: a worker with the join token is let in when it dials, says hello, and pins the cluster", async () => {
  const [m, w] = [opened.use(scratch()), opened.use(scratch())];
  const boss = manager(m.path);
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length > 0);
  expect(boss.heard[0]).toEqual({ linkId: "remote-1", message: helloOf({ id: hand.identity.id }) });
  expect(readFileSync(w.file("manager.pin"), "utf8").trim()).toBe(boss.identity.id);
  expect(boss.links.peers()).toMatchObject([
    { nodeId: hand.identity.id, dialledBy: "worker", protocol: 1, version: "0.1.0" },
  ]);
});

test("enrolment: a worker with the join token is let in when the manager dials", async () => {
  const [m, w] = [opened.use(scratch()), opened.use(scratch())];
  const boss = manager(m.path);
  const hand = worker(w.path, { port: null, token: boss.token }).start();
  const port = await hand.listen();
  boss.links.dial(`127.0.0.1:${port}`);
  await until("a hello", () => boss.heard.length > 0);
  expect(existsSync(w.file("manager.pin"))).toBe(true);
  expect(boss.links.dialled()).toEqual([
    { address: `127.0.0.1:${port}`, nodeId: hand.identity.id, linked: true, problem: "" },
  ]);
  expect(hand.link.peer()).toMatchObject({ clusterId: boss.identity.id, dialledBy: "manager" });
});
