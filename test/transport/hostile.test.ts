// Peers that are dead, slow, copied or up to no good, over real sockets on loopback.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { MAX_GREETING_BYTES } from "../../src/protocol/messages.ts";
import { MAX_OUTBOX_BYTES } from "../../src/protocol/session.ts";
import { proofOf } from "../../src/transport/join-token.ts";
import { helloOf, identityIn, ManagerEnd, QUICK, scratch, setNumber, until, WorkerEnd } from "./links-bed.ts";
import { type RawPeer, rawPeer, workerOpen } from "./raw-peer.ts";
import { listening, Relay } from "./wire.ts";

let opened: DisposableStack;
beforeEach(() => {
  opened = new DisposableStack();
});
afterEach(() => opened.dispose());

function manager(more?: ConstructorParameters<typeof ManagerEnd>[1]): ManagerEnd {
  const end = new ManagerEnd(opened.use(scratch()).path, more);
  opened.defer(() => end.end());
  return end;
}

function worker(...args: ConstructorParameters<typeof WorkerEnd>): WorkerEnd {
  const end = new WorkerEnd(...args);
  opened.defer(() => end.end());
  return end;
}

/** A peer whose session is up, by hand. */
async function joined(boss: ManagerEnd, port: number, keyFile: string): Promise<RawPeer> {
  const identity = identityIn(keyFile);
  const peer = opened.use(await rawPeer(port, identity));
  const { nonce } = await peer.told("open");
  const subject = { clusterId: boss.identity.id, nodeId: identity.id, managerNonce: String(nonce) };
  peer.say(workerOpen());
  peer.say({ kind: "proof", mac: proofOf(boss.secret, { ...subject, workerNonce: "0".repeat(64) }) });
  await peer.told("joined");
  return peer;
}

describe("dead peers:", () => {
  test("a link on which nothing passes any more is noticed by both ends, and a new one comes", async () => {
    const boss = manager();
    const relay = opened.use(new Relay(await boss.listen()));
    const hand = worker(opened.use(scratch()).path, { port: await relay.listen(), token: boss.token }).start();
    await until("a hello", () => boss.heard.length === 1);
    relay.stall();
    await until("both to notice", () => boss.closed.length === 1 && hand.unlinked === 1);
    expect(boss.log.has(`was not heard of for ${QUICK.pingMs} ms`)).toBe(true);
    expect(boss.links.peers()).toEqual([]);
  });

  test("a worker that comes back while its old link is a black hole takes its place", async () => {
    // Pings so rare that only the question to the older link can tell.
    const slow = { greetingMs: 8_000, pingMs: 60_000 };
    const boss = manager({ times: slow });
    const port = await boss.listen();
    const directory = opened.use(scratch()).path;
    const relay = opened.use(new Relay(port));
    worker(directory, { port: await relay.listen(), token: boss.token }, { times: slow }).start();
    await until("a hello", () => boss.heard.length === 1);
    relay.stall();
    worker(directory, { port, token: null }, { times: slow }).start();
    await until("a second hello", () => boss.heard.length === 2);
    expect(boss.closed).toEqual(["remote-1"]);
    expect(boss.links.peers().map((peer) => peer.linkId)).toEqual(["remote-2"]);
  }, 20_000);

  test("a manager that dials while the worker's old link is a black hole takes its place", async () => {
    const slow = { greetingMs: 8_000, pingMs: 60_000 };
    const boss = manager({ times: slow });
    const relay = opened.use(new Relay(await boss.listen()));
    const port = await relay.listen();
    const hand = worker(opened.use(scratch()).path, { port, token: boss.token }, { times: slow }).start();
    await until("a hello", () => boss.heard.length === 1);
    relay.stall();
    boss.links.dial(`127.0.0.1:${await hand.listen()}`);
    await until("a second hello", () => boss.heard.length === 2);
    expect(boss.links.peers().map((peer) => peer.dialledBy)).toEqual(["manager"]);
    expect([hand.linked, hand.unlinked]).toEqual([2, 1]);
  }, 20_000);

  test("a peer that takes nothing is cut off before much waits for it", async () => {
    const boss = manager({ times: { greetingMs: 2_000, pingMs: 60_000 } });
    const peer = await joined(boss, await boss.listen(), opened.use(scratch()).file("worker.key"));
    peer.ws.pause();
    const linkId = boss.links.peers()[0]?.linkId ?? "";
    const large = setNumber(1);
    const remove = ["x".repeat(500_000)];
    for (let sent = 0; sent < 400 && boss.closed.length === 0; sent++) {
      boss.links.send(linkId, { ...large, remove } as typeof large);
      await Bun.sleep(0);
    }
    expect(boss.closed).toEqual([linkId]);
    expect(boss.log.has("does not take what it is sent")).toBe(true);
    expect(MAX_OUTBOX_BYTES).toBeLessThan(400 * 500_000);
  });
});

describe("clones:", () => {
  test("the same key from another machine is refused, and the link that is there stays", async () => {
    const boss = manager();
    const port = await boss.listen();
    const directory = opened.use(scratch()).path;
    worker(directory, { port, token: boss.token }).start();
    await until("a hello", () => boss.heard.length === 1);
    const clone = worker(directory, { port, token: null }, { machineId: "machine-2" }).start();
    await until("the refusal", () => clone.link.problem() !== "");
    expect(clone.link.problem()).toContain("on another machine than before: a clone?");
    expect(boss.links.peers().length).toBe(1);
    expect(boss.closed).toEqual([]);
  });

  test("the same key twice on one machine is refused while the first one lives", async () => {
    const boss = manager();
    const port = await boss.listen();
    const directory = opened.use(scratch()).path;
    worker(directory, { port, token: boss.token }).start();
    await until("a hello", () => boss.heard.length === 1);
    const clone = worker(directory, { port, token: null }).start();
    await until("the refusal", () => clone.link.problem() !== "");
    expect(clone.link.problem()).toContain("another worker with this node's key is linked already");
    expect(boss.closed).toEqual([]);
  });

  test("both sides dialling makes one link, and no quarrel about it", async () => {
    const boss = manager();
    const hand = worker(opened.use(scratch()).path, { port: await boss.listen(), token: boss.token }).start();
    await until("a hello", () => boss.heard.length === 1);
    boss.links.dial(`127.0.0.1:${await hand.listen()}`);
    await until("the manager's dial to be turned away", () => boss.links.dialled()[0]?.nodeId !== "");
    expect(boss.links.dialled()).toMatchObject([{ nodeId: hand.identity.id, linked: true, problem: "" }]);
    expect(boss.links.peers().map((peer) => peer.dialledBy)).toEqual(["worker"]);
    expect([boss.closed, hand.unlinked]).toEqual([[], 0]);
  });

  test("who speaks for another node than its key is of is cut off unheard", async () => {
    const boss = manager();
    const port = await boss.listen();
    const peer = await joined(boss, port, opened.use(scratch()).file("worker.key"));
    peer.say(helloOf({ id: "a".repeat(52) }));
    await until("the end", () => peer.closed);
    expect(boss.heard).toEqual([]);
  });
});

describe("versions and terms:", () => {
  test("a peer of another protocol is told which versions are spoken", async () => {
    const boss = manager();
    const peer = opened.use(await rawPeer(await boss.listen(), identityIn(opened.use(scratch()).file("worker.key"))));
    await peer.told("open");
    peer.say({ ...(workerOpen() as object), protocol: { min: 7, max: 9 }, newField: [1] });
    expect(String((await peer.told("refused")).reason)).toContain("protocol 7-9 is not spoken here (1-1)");
  });

  test("a manager that the worker has reason not to follow is told the reason", async () => {
    const old = { clusterId: "c", instanceId: "i", term: 3, lineage: "l", revision: 1 };
    const boss = manager({ manager: () => old });
    const judge = ({ term }: { term: number }) => (term < 4 ? `manager of an older term (${term}, seen 4)` : null);
    const port = await boss.listen();
    const hand = worker(opened.use(scratch()).path, { port, token: boss.token }, { judge }).start();
    await until("the refusal", () => boss.log.has("older term") && hand.link.problem().includes("older term"));
    expect(boss.heard).toEqual([]);
  });
});

describe("garbage:", () => {
  const MAD = [
    ["no JSON", "{"],
    ["an array", "[]"],
    ["an unknown kind", '{"kind":"give"}'],
    ["a hello before its time", JSON.stringify(helloOf({}))],
    ["a prototype", '{"kind":"open","from":"worker","__proto__":{"nonce":"x"}}'],
    ["a manager's greeting", JSON.stringify({ kind: "joined", protocol: 1 })],
    ["too much for a stranger", " ".repeat(MAX_GREETING_BYTES + 1)],
  ] as const;

  test.each(MAD)("from a stranger, %s ends the link", async (_name, text) => {
    const boss = manager();
    const port = await boss.listen();
    const peer = opened.use(await rawPeer(port, identityIn(opened.use(scratch()).file("worker.key"))));
    await peer.told("open");
    peer.say(text);
    await until("the end", () => peer.closed);
    expect(boss.heard).toEqual([]);
  });

  test("from a peer, a field that is not agreed ends the link", async () => {
    const boss = manager();
    const peer = await joined(boss, await boss.listen(), opened.use(scratch()).file("worker.key"));
    peer.say({ kind: "report", number: 1, full: true, facts: [], removed: [], extra: 1 });
    await until("the end", () => peer.closed);
    expect(boss.heard).toEqual([]);
  });

  test("a frame above the limit, and pieces without end, end the link", async () => {
    const boss = manager();
    const port = await boss.listen();
    const big = await joined(boss, port, opened.use(scratch()).file("worker.key"));
    big.say("x".repeat((1 << 20) + 1));
    await until("the end of the first", () => big.closed);
    const endless = await joined(boss, port, opened.use(scratch()).file("other.key"));
    const piece = Buffer.alloc(512 * 1024);
    for (let i = 0; i < 80 && !endless.closed; i++) {
      endless.ws.send(piece);
      await Bun.sleep(1);
    }
    await until("the end of the second", () => endless.closed);
    expect(boss.heard).toEqual([]);
  });
});

describe("slow strangers:", () => {
  const hurried = { patienceMs: 300, times: { greetingMs: 300, pingMs: 60_000 } };

  test("one that says nothing at all is hung up on", async () => {
    const boss = manager(hurried);
    const socket = connect(await boss.listen(), "127.0.0.1");
    await until("the end", closes(socket));
  });

  test("no more than a few may be silent at a time", async () => {
    const boss = manager({ patienceMs: 3_000, limits: { strangers: 4, perSecond: 1_000 } });
    const port = await boss.listen();
    const many = Array.from({ length: 10 }, () => closes(connect(port, "127.0.0.1")));
    await until("the others to be turned away", () => many.filter((isClosed) => isClosed()).length === 6);
  });

  test("one that begins TLS and goes on byte by byte is hung up on", async () => {
    const boss = manager(hurried);
    const socket = connect(await boss.listen(), "127.0.0.1");
    const isClosed = closes(socket);
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    const drip = setInterval(() => socket.write(Buffer.from([1])), 20);
    opened.defer(() => clearInterval(drip));
    await until("the end", isClosed);
  });

  test("one that is silent after TLS, and one that drips its request, are hung up on", async () => {
    const boss = manager(hurried);
    const port = await boss.listen();
    const [silent, dripping] = [await secure(port), await secure(port)];
    const ends = [closes(silent), closes(dripping)];
    const request = "GET /cube/link HTTP/1.1\r\nHost: cube\r\n".padEnd(1_000, "x");
    let at = 0;
    const drip = setInterval(() => dripping.write(request[at++] ?? "x"), 10);
    opened.defer(() => clearInterval(drip));
    await until("both ends", () => ends.every((isClosed) => isClosed()));
  });

  test("one that upgrades and never greets is hung up on", async () => {
    const boss = manager(hurried);
    const peer = opened.use(await rawPeer(await boss.listen(), identityIn(opened.use(scratch()).file("w.key"))));
    await until("the end", () => peer.closed);
  });

  test("only so many may wait at a time, and one address may not come too often", async () => {
    const boss = manager({ patienceMs: 3_000, limits: { strangers: 5, perSecond: 1_000 } });
    const port = await boss.listen();
    const ends = await Promise.all(Array.from({ length: 5 }, async () => closes(await secure(port))));
    const late = connect(port, "127.0.0.1", () => late.write(Buffer.from([0x16])));
    await until("the sixth to be turned away", closes(late));
    expect(ends.filter((isClosed) => isClosed()).length).toBe(0);

    const strict = manager({ limits: { strangers: 64, perSecond: 3 } });
    const otherPort = await strict.listen();
    const many = Array.from({ length: 12 }, () => {
      const socket = connect(otherPort, "127.0.0.1", () => socket.write(Buffer.from([0x16])));
      return closes(socket);
    });
    // At most two seconds' worth of them get in.
    await until("the others to be turned away", () => many.filter((isClosed) => isClosed()).length >= 6);
  });

  test("one address takes no more than its share of the places", async () => {
    const boss = manager({ patienceMs: 3_000, limits: { strangers: 5, strangersOfOne: 3, perSecond: 1_000 } });
    const port = await boss.listen();
    const many = Array.from({ length: 5 }, () => {
      const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from([0x16])));
      return closes(socket);
    });
    await until("two to be turned away", () => many.filter((isClosed) => isClosed()).length === 2);
    const other = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" }, () =>
      other.write(Buffer.from([0x16])),
    );
    const isClosed = closes(other);
    await until("it to be heard", () => other.readyState === "open" && other.bytesWritten === 1);
    expect([isClosed(), many.filter((each) => each()).length]).toEqual([false, 2]);
  });

  test("workers that share an address are let in as fast as they greet: who belongs here counts no more", async () => {
    const boss = manager({ limits: { strangers: 64, perSecond: 3 } });
    const port = await boss.listen();
    const said: string[] = [];
    for (let number = 1; number <= 6; number++) {
      const hand = worker(opened.use(scratch()).path, { port, token: boss.token }).start();
      await until("a hello", () => boss.heard.length === number);
      said.push(...hand.log.lines.filter((line) => line.startsWith("manager at")));
    }
    // Nobody was turned away.
    expect([boss.links.peers().length, said]).toEqual([6, []]);
  }, 20_000);
});

describe("one port:", () => {
  /** An API behind the links' port. */
  async function withApi(more?: ConstructorParameters<typeof ManagerEnd>[1]) {
    const boss = manager(more);
    const http = createServer((request, response) => response.end(`${request.method} ${request.url}`));
    const upgrades = new WebSocketServer({ noServer: true });
    http.on("upgrade", (request, socket, head) =>
      upgrades.handleUpgrade(request, socket, head, (ws) => ws.on("message", (data) => ws.send(`echo ${data}`))),
    );
    const server = boss.links.front(http);
    opened.defer(() => server.close());
    return { boss, port: await listening(server) };
  }

  test("plain HTTP and HTTP in TLS reach the API, and its paths for links want a key", async () => {
    const { port } = await withApi();
    // Without a pool: the first line of a connection decides who gets it.
    const tls = { tls: { rejectUnauthorized: false }, keepalive: false };
    const [plain, secret] = [`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`];
    expect(await (await fetch(`${plain}/v1/jobs`)).text()).toBe("GET /v1/jobs");
    expect(await (await fetch(`${secret}/v1/jobs`, tls)).text()).toBe("GET /v1/jobs");
    const post = await fetch(`${secret}/v1/tasks`, { ...tls, method: "POST", body: "{}" });
    expect(await post.text()).toBe("POST /v1/tasks");
    expect((await fetch(`${secret}/cube/other`, tls)).status).toBe(404);
    const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    const headers = { ...upgrade, "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };
    expect((await fetch(`${secret}/cube/link`, { ...tls, headers })).status).toBe(401);
  });

  test("the API's own WebSockets work in TLS, for longer than a stranger may wait", async () => {
    const { port } = await withApi({ patienceMs: 200 });
    const ws = new WebSocket(`wss://127.0.0.1:${port}/v1/exec`, { rejectUnauthorized: false });
    opened.defer(() => ws.terminate());
    const heard: string[] = [];
    ws.on("message", (data) => heard.push(String(data)));
    ws.on("open", () => ws.send("hi"));
    await until("an answer", () => heard.length === 1);
    const sinceMs = performance.now();
    await until("more than a stranger's patience", () => performance.now() - sinceMs > 400);
    ws.send("still there?");
    await until("another answer", () => heard.length === 2);
    expect(heard).toEqual(["echo hi", "echo still there?"]);
  });

  test.each(["plain", "TLS"])("a request in %s whose head does not come in time is hung up on", async (kind) => {
    const { port } = await withApi({ patienceMs: 300 });
    const socket = kind === "TLS" ? await secure(port) : connect(port, "127.0.0.1");
    socket.write("GET /v1/jobs HTT");
    await until("the end", closes(socket));
  });

  test("whoever has come and gone leaves no place taken", async () => {
    const { boss, port } = await withApi({ limits: { strangers: 3, perSecond: 1_000_000 } });
    for (let i = 0; i < 12; i++) {
      const socket = await secure(port);
      socket.destroy();
      const half = connect(port, "127.0.0.1");
      half.write(Buffer.from([0x16, 3]));
      await until("it to be open", () => half.readyState === "open");
      half.destroy();
    }
    worker(opened.use(scratch()).path, { port, token: boss.token }).start();
    await until("a hello", () => boss.heard.length === 1);
    expect(boss.links.peers().length).toBe(1);
  });
});

function closes(socket: Socket): () => boolean {
  let closed = false;
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.on("close", () => {
    closed = true;
  });
  return () => closed;
}

async function secure(port: number): Promise<Socket> {
  const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false, servername: "cube" });
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    socket.once("secureConnect", () => resolve());
    socket.once("close", () => resolve());
  });
  return socket;
}
