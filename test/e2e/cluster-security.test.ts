// Who listens on the way, stands in it, or has stolen a key: what machines say to each other is for nobody else, a wrong key is told nothing, what was said once is
// worth nothing a second time, and a stolen worker's key gets that worker's tasks and nothing of others. The tests share one cluster and run in order.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { TaskResource } from "../../src/client/resources.ts";
import { unseen } from "../../src/core/task.ts";
import { createNodeMetrics } from "../../src/metrics/node-metrics.ts";
import { type JoinToken, parseJoinToken } from "../../src/transport/join-token.ts";
import { cubeBin } from "../setup/cube-bin.ts";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { identityIn, scratch } from "../transport/links-bed.ts";
import { Ear, type Recording } from "./ear.ts";
import { MachineInTheMiddle, StallingRelay } from "./middle.ts";
import type { Machine } from "./namespaces.ts";
import { Outpost, Passage } from "./passage.ts";
import { RealCluster } from "./real-cluster.ts";
import { Thief } from "./thief.ts";
import { until } from "./until.ts";

const LIMIT_MS = 90_000;
const NAMES = ["n1", "n2", "n3"] as const;
const MARK_PORT = 7000;

let cluster: RealCluster;
let ear: Ear;
/** A machine that belongs to nobody in the cluster. */
let elsewhere: Machine;
let files: ReturnType<typeof scratch>;
let marks = 0;

/** What nobody but its node may know of a task. */
const secretOf = (node: string) => `swordfish-canary-${node}`;
const logOf = (node: string) => `albatross-output-${node}`;

function joinToken(): JoinToken {
  const token = parseJoinToken(readFileSync(cluster.tokenFile, "utf8"));
  if (!token.ok) throw new Error(token.failure.message);
  return token.value;
}

/** All that has been said on the bridge until now: the last word is a datagram of the test's own. */
function recording(): Promise<Recording> {
  return ear.recording(async () => {
    const mark = `the-mark-of-the-test-${++marks}`;
    const to = `UDP:${cluster.network.machines[0]?.address}:${MARK_PORT}`;
    const socat = Bun.spawn([...elsewhere.enter, "socat", "-u", "-", to], { stdin: Buffer.from(mark) });
    await socat.exited;
    return mark;
  });
}

/** A command on a machine that is none of the cluster's, with a token of the API. */
async function fromElsewhere(apiToken: string, address: string, ...args: string[]): Promise<string> {
  const where = ["-m", address, "--cluster-id", joinToken().clusterId, "--data-dir", files.file("none")];
  const child = Bun.spawn([...elsewhere.enter, cubeBin(), ...args.slice(0, 1), ...where, ...args.slice(1)], {
    cwd: files.path,
    env: { PATH: "/usr/bin:/bin", HOME: files.path, CUBE_TOKEN: apiToken },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return said.join("").trim();
}

/** Every node's link: since when, and by whose dial. */
async function links(): Promise<unknown[]> {
  const nodes = await cluster.manager.nodes();
  return nodes.map(({ name, state, dialledBy, linkedSinceMs }) => ({ name, state, dialledBy, linkedSinceMs }));
}

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: on the way between machines", () => {
  beforeAll(async () => {
    await requireDocker();
    files = scratch();
    cluster = await RealCluster.start({
      before: async (network, opened) => {
        ear = opened.use(await Ear.on(network));
      },
    });
    elsewhere = cluster.network.machine("elsewhere");
  }, LIMIT_MS);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    files?.[Symbol.dispose]();
  }, LIMIT_MS);

  test(
    "e2e: an eavesdropper who hears everything reads nothing: no token, no variable, no output, no name, no key",
    async () => {
      const { manager } = cluster;
      for (const name of NAMES) {
        const command = ["sh", "-c", `echo ${logOf(name)}; exec sleep 10000`];
        await cluster.placeOn(name, { name: `vault${name}`, env: { PASSWORD: secretOf(name) }, command });
        expect(await manager.ok("logs", `vault${name}`)).toContain(logOf(name));
        expect(await manager.ok("exec", `vault${name}`, "--", "sh", "-c", "echo $PASSWORD")).toBe(secretOf(name));
      }
      const apiToken = await manager.ok("token", "create", "ops", "--role", "operate");
      expect(await fromElsewhere(apiToken, cluster.address, "logs", "vaultn1")).toContain(logOf("n1"));

      const secrets = await secretsOf(apiToken);
      const heard = await recording();
      expect(heard.flows.filter(({ bytes }) => bytes.length > 0).length).toBeGreaterThan(NAMES.length * 4);
      expect(heard.readable(secrets)).toEqual([]);
      expect(heard.clear()).toEqual([]);

      // The same ear hears all of it when it is said in clear.
      await sayInClear(Buffer.concat(Object.values(secrets).map((each) => Buffer.from(each))));
      const control = await recording();
      const found = control.readable(secrets).filter((line) => line.endsWith(`:${MARK_PORT}`));
      expect(found.map((line) => line.split(" in ")[0]).sort()).toEqual(Object.keys(secrets).sort());
      expect(control.clear().length).toBe(1);
    },
    LIMIT_MS,
  );

  test(
    "e2e: a worker tells a machine in the middle nothing, neither at its first link nor when its way is bent later",
    async () => {
      const at = { machine: elsewhere, port: 5555, to: cluster.address };
      const newcomer = cluster.worker("n4", cluster.network.machine("n4"), `${elsewhere.address}:5555`);
      const bent = cluster.node("n3");
      const before = await cluster.everything();
      {
        await using middle = await MachineInTheMiddle.at(at, identityIn(files.file("middle.key")));
        newcomer.start();
        await cluster.until("the newcomer sees a wrong key", async () => newcomer.log().includes("shows another key"));
        await bent.kill();
        const way = ["-i", "inner", "-p", "tcp", "--dport", "5555", "-j", "DNAT", "--to", `${elsewhere.address}:5555`];
        cluster.network.bridge.run("iptables", "-t", "nat", "-A", "PREROUTING", ...way);
        bent.start();
        await cluster.until("the other one sees it too", async () => bent.log().includes("shows another key"));
        cluster.network.bridge.run("iptables", "-t", "nat", "-D", "PREROUTING", ...way);
        expect(middle.visits).toBeGreaterThan(1);
        expect(middle.said).toEqual([]);
        const said = await fromElsewhere("cube-token-canary", `${elsewhere.address}:5555`, "status");
        expect(said).toContain("HAS ANOTHER KEY THAN EXPECTED");
        expect(middle.said).toEqual([]);
      }
      await cluster.ready();
      // By the same way, with the same token, once it is an honest one.
      await using _relay = await StallingRelay.at(at);
      await cluster.until("the newcomer is in", async () => (await cluster.manager.nodes()).length === 4);
      expect(await cluster.everything()).toEqual(before);
      await newcomer.kill();
      await cluster.manager.ok("node", "rm", "--force", "n4");
    },
    LIMIT_MS,
  );

  test(
    "e2e: a machine in the middle that the manager dials gets a greeting, and no proof from the worker behind it",
    async () => {
      const machine = cluster.network.machine("n5");
      const newcomer = cluster.worker("n5", machine);
      newcomer.start();
      await cluster.until("it waits to be dialled", async () => machine.listens(5556));
      const at = { machine: elsewhere, port: 5556, to: `${machine.address}:5556` };
      const address = `${elsewhere.address}:5556`;
      {
        await using middle = await MachineInTheMiddle.at(at, identityIn(files.file("middle.key")));
        await cluster.manager.ok("node", "add", address);
        const refusal = await cluster.until("the worker refuses", async () =>
          (await cluster.manager.manager()).unlinked?.find((each) => each.problem.includes("its join token is for")),
        );
        expect(refusal.address).toBe(address);
        expect(middle.messages("dialler").map(({ kind }) => kind)).toContain("open");
        expect(middle.messages("dialled").map(({ kind }) => kind)).toContain("refused");
        const kinds = new Set([...middle.messages("dialler"), ...middle.messages("dialled")].map(({ kind }) => kind));
        expect([...kinds].sort()).toEqual(["open", "refused"]);
        const said = Buffer.concat(middle.said.map(({ bytes }) => bytes));
        expect(said.includes(joinToken().secret)).toBe(false);
        expect((await cluster.manager.nodes()).map(({ name }) => name).sort()).toEqual([...NAMES]);
      }
      // By the same way, once it is an honest one.
      await using _relay = await StallingRelay.at(at);
      await cluster.until("the newcomer is in", async () => (await cluster.manager.nodes()).length === 4);
      await newcomer.kill();
      await cluster.manager.ok("node", "forget", address);
      await cluster.manager.ok("node", "rm", "--force", "n5");
    },
    LIMIT_MS,
  );

  test(
    "e2e: what was said once is worth nothing a second time: neither the bytes of a link, nor a greeting with its proof",
    async () => {
      const before = await links();
      const heard = await recording();
      const worker = heard.flows
        .filter(({ name }) => name.endsWith(`>${cluster.address}`) && name.startsWith(cluster.network.bridge.address))
        .toSorted((a, b) => b.bytes.length - a.bytes.length)[0];
      if (!worker) throw new Error("nothing was recorded");
      expect(worker.bytes.length).toBeGreaterThan(4_000);
      const first = heard.flows.find(({ name }) => name.startsWith(`${cluster.address}>`));
      expect(first?.bytes.length).toBeGreaterThan(0);
      await using way = await Passage.from(elsewhere, cluster.address);
      const again = way.connect();
      const ended = Promise.withResolvers<void>();
      let answer = 0;
      again.on("data", (data: Buffer) => (answer += data.length));
      again.on("close", () => ended.resolve());
      again.write(worker.bytes);
      await ended.promise;
      // The server's half of a handshake, of which it cannot know that it is a repetition, and an alert.
      expect(answer).toBeLessThan(2_500);

      await using thief = await Thief.on(elsewhere, cluster.address);
      const guest = identityIn(files.file("guest.key"));
      const { said, peer } = await thief.join(guest, joinToken().secret);
      await peer.told("joined");
      peer.ws.terminate();
      expect(await thief.repeat(guest, said)).toContain("wrong join token");
      expect(await thief.repeat(identityIn(files.file("other.key")), said)).toContain("wrong join token");
      expect(await links()).toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    "e2e: a stolen worker key gets that node's own tasks, and nothing of any other's",
    async () => {
      const { manager } = cluster;
      const machine = cluster.network.machine("thief");
      const victim = cluster.node("n1");
      cpSync(join(victim.keys, "worker.key"), files.file("stolen.key"));
      const stolen = identityIn(files.file("stolen.key"));
      const { machineId } = await createNodeMetrics().facts();
      const pose = { machineId, processId: "thief" };
      const [before, tasks] = [await cluster.everything(), await cluster.manager.tasks()];
      await using thief = await Thief.on(machine, cluster.address);
      expect((await thief.greet(stolen, { ...pose, machineId: "another" })).answer).toContain("a clone?");
      expect((await thief.greet(stolen, pose)).answer).toContain("a clone?");
      expect(await thief.request(stolen, "/v1/tasks")).toBe(401);
      expect(await thief.request(stolen, "/v1/jobs", { method: "POST", body: "{}" })).toBe(401);
      await using atOther = await Thief.on(machine, `${cluster.node("n2").machine.address}:5556`);
      const toWorker = await atOther.open(stolen);
      await until("the other worker hangs up", () => toWorker.closed);
      expect(toWorker.heard.map(({ kind, reason }) => `${kind}: ${reason}`).join()).toMatch(
        /^refused: this node belongs to/,
      );

      await victim.kill();
      const abroad = { ...pose, machineId: "another" };
      expect((await thief.greet(stolen, abroad)).answer).toContain("key is on another machine than before");
      const n2 = tasks.find(({ nodeName }) => nodeName === "n2")?.nodeId ?? "";
      expect(await thief.poseAs(stolen, pose, n2)).toEqual(["open", "joined"]);
      const inside = await thief.comeIn(stolen, pose, "n1");
      const given = inside.heard.flatMap(({ put }) => (put ?? []) as { taskId: string; name: string }[]);
      expect(given.map(({ name }) => name)).toEqual(["vaultn1"]);

      // It speaks of the tasks of others, and asks for what is theirs.
      const [own, others] = [given[0]?.taskId ?? "", tasks.filter(({ nodeName }) => nodeName !== "n1")];
      const facts = others.map(({ id }) => ({ ...unseen(id), incarnation: 99, state: "failed", message: "forged" }));
      inside.say({ kind: "report", number: 1, full: false, facts, removed: others.map(({ id }) => id) });
      await inside.told("ack");
      inside.say({ kind: "bulk", nonce: "0".repeat(64) });
      expect(await manager.ok("logs", "vaultn2")).toContain(logOf("n2"));
      expect(await manager.ok("exec", "vaultn3", "--", "sh", "-c", "echo $PASSWORD")).toBe(secretOf("n3"));
      const guessed = await thief.open(stolen, `/cube/bulk?${"0".repeat(64)}`);
      await until("it is hung up on", () => guessed.closed);

      // What is asked of it is about its own task alone.
      const reading = manager.follow("logs", "vaultn1");
      const bulk = await thief.open(stolen, `/cube/bulk?${(await inside.told("bulk")).nonce}`);
      expect((await bulk.told("logs")).taskId).toBe(own);
      expect(await manager.cli("inspect", "vaultn2")).toMatchObject({ code: 0 });
      reading.kill();
      const all = JSON.stringify([inside.heard, bulk.heard, guessed.heard, toWorker.heard]);
      expect(all).toContain(secretOf("n1"));
      for (const name of ["n2", "n3"]) {
        for (const secret of [secretOf(name), logOf(name), `vault${name}`]) expect(all).not.toContain(secret);
      }
      expect(bulk.heard.map(({ taskId }) => taskId).filter((id) => id !== undefined && id !== own)).toEqual([]);
      const after = (await manager.tasks()).filter(({ nodeName }) => nodeName !== "n1");
      expect(after.map(standing)).toEqual(others.map(standing));

      await thief[Symbol.asyncDispose]();
      victim.start();
      await cluster.ready();
      expect(await cluster.everything()).toEqual(before);
      expect((await manager.tasks()).map(standing).sort()).toEqual(tasks.map(standing).sort());
    },
    LIMIT_MS,
  );
});

function standing({ id, name, nodeName, state, restarts, incarnation }: TaskResource): string {
  return [id, name, nodeName, state, restarts, incarnation].join(" ");
}

/** All that nobody on the way may read. */
async function secretsOf(apiToken: string): Promise<Record<string, string | Buffer>> {
  const { clusterId, secret } = joinToken();
  const all: Record<string, string | Buffer> = { joinSecret: secret, clusterId, apiToken, command: "$PASSWORD" };
  for (const { name, id } of await cluster.manager.nodes()) {
    all[`id of ${name}`] = id;
    all[`task of ${name}`] = `vault${name}`;
    all[`variable of ${name}`] = secretOf(name);
    all[`output of ${name}`] = logOf(name);
    all[`key of ${name}`] = publicKeyIn(join(cluster.node(name).keys, "worker.crt"));
  }
  return all;
}

/** As it stands in a certificate, which TLS before 1.3 would show. */
function publicKeyIn(file: string): Buffer {
  return new X509Certificate(readFileSync(file)).publicKey.export({ type: "spki", format: "der" }) as Buffer;
}

async function sayInClear(words: Buffer): Promise<void> {
  const [home] = cluster.network.machines;
  if (!home) throw new Error("there is no machine");
  let heard = 0;
  const listen = (socket: Socket): void => void socket.on("data", (data: Buffer) => (heard += data.length));
  await using _there = await Outpost.at(home, MARK_PORT, listen);
  await using way = await Passage.from(elsewhere, `${home.address}:${MARK_PORT}`);
  way.connect().write(words);
  await cluster.until("it is heard", async () => heard === words.length);
}
