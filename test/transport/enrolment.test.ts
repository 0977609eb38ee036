// Who is let in, by which key and token, and what is said to whom is not: over real sockets on loopback.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { proofOf } from "../../src/transport/join-token.ts";
import { membershipsOf } from "../../src/transport/membership.ts";
import { helloOf, identityIn, ManagerEnd, scratch, until, WorkerEnd } from "./links-bed.ts";
import { rawPeer, workerOpen } from "./raw-peer.ts";
import { Impostor, Relay } from "./wire.ts";

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

const directories = () => [opened.use(scratch()), opened.use(scratch())] as const;

test("enrolment: a worker with the join token is let in when it dials, says hello, and pins the cluster", async () => {
  const [m, w] = directories();
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
  const [m, w] = directories();
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

test("dialling: an address that is given up is dialled no more, and its link ends", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const hand = worker(w.path, { port: null, token: boss.token }).start();
  const dialling = boss.links.dial(`127.0.0.1:${await hand.listen()}`);
  await until("a hello", () => boss.heard.length === 1);
  dialling[Symbol.dispose]();
  await until("both to know", () => boss.closed.length === 1 && hand.unlinked === 1);
  expect([boss.links.dialled(), boss.links.peers(), hand.link.peer()]).toEqual([[], [], null]);
  expect(() => boss.links.dial("no address:")).toThrow("is no HOST:PORT");
});

test("dialling: an address where nobody is says so once, and goes on", async () => {
  const [m] = directories();
  const boss = manager(m.path);
  const vacant = opened.use(new Relay(1));
  const port = await vacant.listen();
  vacant[Symbol.dispose]();
  boss.links.dial(`127.0.0.1:${port}`);
  await until("the problem", () => boss.links.dialled()[0]?.problem !== "");
  const { problem } = boss.links.dialled()[0] ?? {};
  expect(boss.log.lines).toEqual([`worker at 127.0.0.1:${port}: ${problem}`]);
});

test("enrolment: once joined, keys alone count: no token is needed, and a void one does no harm", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const first = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  first.end();
  await until("the end", () => boss.closed.length === 1);
  worker(w.path, { port, token: null }).start();
  await until("a second hello", () => boss.heard.length === 2);
  expect(boss.log.lines.filter((line) => line.includes("has joined")).length).toBe(1);
});

test("enrolment: a wrong token is refused in words, on both ends", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: { ...boss.token, secret: "a".repeat(32) } }).start();
  await until(
    "the refusal",
    () => boss.log.has("wrong join token") && hand.link.problem().includes("wrong join token"),
  );
  expect(boss.heard).toEqual([]);
  expect(existsSync(w.file("manager.pin"))).toBe(false);
});

test("enrolment: a worker without a token is told where to get one, and let in as soon as it has it", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  let token: typeof boss.token | null = null;
  const hand = worker(w.path, { port, token: null }, { token: () => ({ ok: true, value: token }) }).start();
  await until("the problem", () => hand.link.problem() !== "");
  expect(hand.log.lines).toEqual([
    `manager at 127.0.0.1:${port}: this node has joined no cluster yet and has no join token: see \`cube node token\``,
  ]);
  token = boss.token;
  await until("a hello", () => boss.heard.length > 0);
});

test("enrolment: a worker that cannot tell whose it is says why on its own side, and to whoever dials it only that", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const [own, other] = ["a".repeat(52), "b".repeat(52)];
  writeFileSync(w.file("manager.pin"), `${own}\n`, { mode: 0o600 });
  const hand = worker(w.path, { port: null, token: { clusterId: other, secret: "s".repeat(32) } }).start();
  boss.links.dial(`127.0.0.1:${await hand.listen()}`);
  const why = `this node belongs to cluster ${own.slice(0, 8)}, its join token is for ${other.slice(0, 8)}: to move it, delete ${w.file("manager.pin")}`;
  const told = "this node cannot tell which cluster it belongs to: its own log says why";
  await until("the refusal", () => boss.links.dialled()[0]?.problem.endsWith(told) ?? false);
  expect([hand.link.problem(), hand.log.has(why), boss.log.has(w.path)]).toEqual([why, true, false]);
});

test("enrolment: a worker that has another manager's token and has not joined says so, and how to be let in", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const other = "b".repeat(52);
  const hand = worker(w.path, { port: null, token: { clusterId: other, secret: "s".repeat(32) } }).start();
  boss.links.dial(`127.0.0.1:${await hand.listen()}`);
  const why = `this node has joined no cluster yet, and its join token is for ${other.slice(0, 8)}, not for ${boss.identity.id.slice(0, 8)}: give it the right one by --join-token-file`;
  await until("the refusal", () => boss.links.dialled()[0]?.problem.endsWith(why) ?? false);
  expect([hand.link.problem(), existsSync(w.file("manager.pin"))]).toEqual([why, false]);
});

test("enrolment: a manager whose certificate was made anew over the same key is still the same manager", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  boss.end();
  await until("the end of the link", () => hand.unlinked === 1);
  rmSync(m.file("manager.crt"));
  const again = manager(m.path);
  expect([again.identity.id, again.identity.certPem === boss.identity.certPem]).toEqual([boss.identity.id, false]);
  await again.listen(port);
  await until("a hello to the new one", () => again.heard.length > 0);
});

test("enrolment: a removed node needs the token again", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  hand.end();
  boss.known.clear();
  const again = worker(w.path, { port, token: null }).start();
  await until("the refusal", () => again.link.problem() !== "");
  expect(again.link.problem()).toContain("does not know this node");
});

test("enrolment: a manager that has forgotten a node lets it in without a token only while it adopts, and says so before", async () => {
  const [m, w] = directories();
  let readmits = false;
  let secret: string | null = null;
  const boss = manager(m.path, { readmits: () => readmits, joinSecret: () => secret });
  secret = boss.secret;
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  hand.end();
  await until("the end", () => boss.closed.length === 1);
  boss.known.clear();
  secret = "z".repeat(32);
  const again = worker(w.path, { port, token: boss.token }).start();
  await until("the refusal", () => again.link.problem() !== "");
  expect(again.link.problem()).toContain("start the manager once with --adopt");
  readmits = true;
  await until("a hello to the adopting one", () => boss.heard.length === 2);
  expect(boss.heard[1]?.message).toMatchObject({ kind: "hello", facts: { id: hand.identity.id } });
});

test("enrolment: another node's membership, and one of another manager's key, prove nothing", async () => {
  const [m, w] = directories();
  const [other, thief] = directories();
  const boss = manager(m.path, { readmits: () => true });
  const port = await boss.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  expect(statSync(w.file("manager.membership")).mode & 0o777).toBe(0o600);
  for (const name of ["manager.pin", "manager.membership"]) cpSync(w.file(name), thief.file(name));
  const stolen = worker(thief.path, { port, token: null }, { machineId: "machine-2" }).start();
  await until("the refusal", () => stolen.link.problem().includes("wrong join token"));
  const foreign = membershipsOf(identityIn(other.file("manager.key")))(hand.identity.id);
  hand.end();
  boss.known.clear();
  writeFileSync(w.file("manager.membership"), `${boss.identity.id} ${foreign}\n`, { mode: 0o600 });
  const again = worker(w.path, { port, token: null }).start();
  await until("the refusal", () => again.link.problem().includes("wrong join token"));
  expect(boss.heard.length).toBe(1);
});

test("enrolment: a damaged pin stops the worker from obeying anybody", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  writeFileSync(w.file("manager.pin"), "what?\n", { mode: 0o600 });
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("the problem", () => hand.link.problem() !== "");
  expect(hand.link.problem()).toContain("names no cluster");
});

test("pins: a worker that dials says nothing to another key than that of its token, not even its own key", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const middle = opened.use(new Impostor(identityIn(m.file("impostor.key"))));
  const port = await middle.listen();
  const hand = worker(w.path, { port, token: boss.token }).start();
  await until("two tries", () => middle.handshakes >= 2 && hand.link.problem() !== "");
  expect(middle.told).toEqual([]);
  expect(hand.link.problem()).toContain("shows another key");
});

test("pins: a worker whose manager was set up anew tells on its own side how to follow it, whoever of the two dials", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  writeFileSync(w.file("manager.pin"), `${"a".repeat(52)}\n`, { mode: 0o600 });
  const wayOut = `: if it was set up anew, delete ${w.file("manager.pin")}`;
  const dialling = worker(w.path, { port: await boss.listen(), token: null }).start();
  await until("the problem", () => dialling.link.problem() !== "");
  expect(dialling.link.problem()).toEndWith(`than the expected (aaaaaaaa)${wayOut}`);
  expect(dialling.log.has(wayOut)).toBe(true);
  dialling.end();
  const dialled = worker(w.path, { port: null, token: null }).start();
  boss.links.dial(`127.0.0.1:${await dialled.listen()}`);
  await until("the refusal", () => dialled.link.problem() !== "");
  expect([dialled.link.problem().endsWith(wayOut), dialled.log.has(wayOut)]).toEqual([true, true]);
  await until("the answer", () => boss.links.dialled()[0]?.problem !== "");
  expect(boss.links.dialled()[0]?.problem).not.toContain(w.path);
});

test("pins: a worker that is dialled by another key than that of its token says only that", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const hand = worker(w.path, { port: null, token: boss.token }).start();
  const stranger = opened.use(await rawPeer(await hand.listen(), identityIn(m.file("impostor.key"))));
  await until("the end", () => stranger.closed);
  expect(stranger.heard.map((frame) => frame.kind)).toEqual(["refused"]);
  expect(String(stranger.heard[0]?.reason)).toContain("its join token is for");
});

test("pins: a worker of one cluster does not follow another one's token", async () => {
  const [m, w] = directories();
  const [boss, other] = [manager(m.path), manager(opened.use(scratch()).path)];
  const first = worker(w.path, { port: await boss.listen(), token: boss.token }).start();
  await until("a hello", () => boss.heard.length === 1);
  first.end();
  const hand = worker(w.path, { port: await other.listen(), token: other.token }).start();
  await until("the problem", () => hand.link.problem() !== "");
  expect(hand.link.problem()).toContain("to move it, delete");
  rmSync(w.file("manager.pin"));
  await until("a hello to the other", () => other.heard.length > 0);
});

test("proof: whoever listens on the way reads neither the secret nor a name", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const relay = opened.use(new Relay(await boss.listen()));
  const port = await relay.listen();
  worker(w.path, { port, token: boss.token }).start({ name: "canary-node" });
  await until("a hello", () => boss.heard.length > 0);
  const wire = Buffer.concat(relay.passed).toString("latin1");
  expect(wire.length).toBeGreaterThan(1_000);
  for (const secret of [boss.secret, "canary-node", "hello", "proof"]) expect(wire.includes(secret)).toBe(false);
});

test("proof: what proved one connection proves no other", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const thief = identityIn(w.file("worker.key"));
  const proofFor = (managerNonce: unknown, workerNonce: string) =>
    proofOf(boss.secret, {
      clusterId: boss.identity.id,
      nodeId: thief.id,
      managerNonce: String(managerNonce),
      workerNonce,
    });
  const first = opened.use(await rawPeer(port, thief));
  const mac = proofFor((await first.told("open")).nonce, "0".repeat(64));
  first.say(workerOpen());
  first.say({ kind: "proof", mac });
  await first.told("joined");
  first.ws.terminate();
  const again = opened.use(await rawPeer(port, thief));
  await again.told("open");
  again.say(workerOpen());
  again.say({ kind: "proof", mac });
  expect(String((await again.told("refused")).reason)).toContain("wrong join token");
  await until("the end", () => again.closed);
});

test("proof: a machine in the middle that passes the greeting on with a key of its own gets nowhere", async () => {
  const [m, w] = directories();
  const boss = manager(m.path);
  const port = await boss.listen();
  const victim = identityIn(w.file("worker.key"));
  const middle = opened.use(await rawPeer(port, identityIn(m.file("impostor.key"))));
  const { nonce } = await middle.told("open");
  // At its best it makes a worker prove the token to it: the proof is over that worker's key, not its own.
  const mac = proofOf(boss.secret, {
    clusterId: boss.identity.id,
    nodeId: victim.id,
    managerNonce: String(nonce),
    workerNonce: "0".repeat(64),
  });
  middle.say(workerOpen());
  middle.say({ kind: "proof", mac });
  expect(String((await middle.told("refused")).reason)).toContain("wrong join token");
});
