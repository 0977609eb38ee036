// How nodes come into a cluster, with real processes and real links on loopback: the book's commands as they are printed, and what people type around them.
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeResource } from "../../src/client/resources.ts";
import { hostName } from "../../src/roles/names.ts";
import { freePort, until } from "../e2e/until.ts";
import { Machine } from "./processes.ts";

const PROCESSES = ["--runtime", "process"];
const LIMIT_MS = 90_000;

async function nodesOf(machine: Machine): Promise<NodeResource[]> {
  const { out } = await machine.run("node", "--json", "--data-dir", machine.dataOf("manager"));
  return out === "" ? [] : (JSON.parse(out) as NodeResource[]);
}

/** Waits until these nodes, by name, are ready and linked. */
function joined(machine: Machine, ...names: string[]): Promise<NodeResource[]> {
  return until(`${names.join(" and ")} joined`, async () => {
    const nodes = await nodesOf(machine);
    const linked = nodes.filter((node) => node.state === "ready" && node.dialledBy !== undefined);
    return names.every((name) => linked.some((node) => node.name === name)) && nodes;
  });
}

describe("roles: the book's manager and workers", () => {
  for (const order of ["workers first", "manager first"] as const)
    test(
      `the book's flags work, ${order}`,
      async () => {
        await using machine = new Machine();
        const [api, one, two] = [freePort(), freePort(), freePort()];
        const startManager = () =>
          machine.start(
            "manager",
            "manager",
            "-H",
            "127.0.0.1",
            "-p",
            `${api}`,
            "-w",
            `127.0.0.1:${one},localhost:${two}`,
            "-s",
            "roundrobin",
            "-d",
            "memory",
          );
        const startWorkers = () => {
          machine.start("w1", "worker", "-H", "127.0.0.1", "-p", `${one}`, "-n", "w1", "-d", "memory", ...PROCESSES);
          const long = ["--host", "127.0.0.1", "--port", `${two}`, "--name", "w2", "--dbtype", "memory"];
          machine.start("w2", "worker", ...long, "--label", "zone=b", "--reserve", "cpu=0.5", ...PROCESSES);
        };
        for (const start of order === "workers first" ? [startWorkers, startManager] : [startManager, startWorkers])
          start();
        const nodes = await joined(machine, "w1", "w2");
        const second = nodes.find(({ name }) => name === "w2");
        expect(second).toMatchObject({ address: `localhost:${two}`, dialledBy: "manager", labels: { zone: "b" } });
        expect((second?.capacity.cpuMillis ?? 0) - (second?.allocatable.cpuMillis ?? 0)).toBe(500);
      },
      LIMIT_MS,
    );
});

test("roles: an address in --workers that is none ends the manager with its name", async () => {
  await using machine = new Machine();
  const data = ["--data-dir", machine.dataOf("manager")];
  const { code, err } = await machine.run("manager", "-p", "0", "-w", "n1:5556,n2:port", ...data);
  expect([code, err]).toEqual([2, expect.stringContaining('--workers is ["n1:5556,n2:port"], but must be HOST:PORT')]);
}, 30_000);

describe("roles: nodes that come later", () => {
  test(
    "an address added while the manager runs is dialled at once, after a kill, and until it is forgotten",
    async () => {
      await using machine = new Machine();
      const [api, port] = [freePort(), freePort()];
      const data = ["--data-dir", machine.dataOf("manager")];
      const startManager = () => machine.start("manager", "manager", "-p", `${api}`);
      startManager();
      await until("the manager answers", async () => (await machine.run("node", ...data)).code === 0);
      const address = `127.0.0.1:${port}`;
      expect(await machine.run("node", "add", address, ...data)).toMatchObject({
        code: 0,
        out: expect.stringContaining(address),
      });
      const { err } = await until("it is dialled in vain", async () => {
        const listed = await machine.run("node", ...data);
        return listed.err.includes("ECONNREFUSED") && listed;
      });
      expect(err).toContain(`no link to ${address}: `);
      expect(statSync(join(machine.dataOf("manager"), "node-addresses")).mode & 0o777).toBe(0o600);
      machine.start("w1", "worker", "-p", `${port}`, "-n", "w1", ...PROCESSES);
      await joined(machine, "w1");
      await machine.end("manager", "SIGKILL");
      startManager();
      await joined(machine, "w1");
      const inspected = await machine.run("node", "inspect", "w1", ...data);
      expect(inspected.out).toMatch(/Link: +dialled by the manager, up for/);
      expect(inspected.out).toMatch(new RegExp(`^Dialled at: +${address}$`, "m"));
      expect((await nodesOf(machine))[0]).toMatchObject({ name: "w1", dialledAt: [address] });
      expect((await machine.run("node", "forget", address, ...data)).code).toBe(0);
      await until("its link has ended", async () =>
        (await nodesOf(machine)).every(({ dialledBy }) => dialledBy === undefined),
      );
      expect((await machine.run("node", "forget", address, ...data)).err).toContain("is not dialled");
      const events = (await machine.run("events", "--since", "0", ...data)).out;
      expect(events.split("\n").filter((line) => / is dialled /.test(line))).toEqual([
        expect.stringContaining(`${address} is dialled from now on`),
        expect.stringContaining(`${address} is dialled no more`),
      ]);
      expect((await machine.run("node", "add", "not an address", ...data)).code).not.toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "a node that has not linked since the manager's start is ready by the store alone, and said to be",
    async () => {
      await using machine = new Machine();
      const [api, port] = [freePort(), freePort()];
      const data = ["--data-dir", machine.dataOf("manager")];
      const startManager = () => machine.start("manager", "manager", "-p", `${api}`, "-w", `127.0.0.1:${port}`);
      startManager();
      machine.start("w1", "worker", "-H", "0.0.0.0", "-p", `${port}`, "-n", "w1", ...PROCESSES);
      const [node] = await joined(machine, "w1");
      expect(node).not.toHaveProperty("awaited");
      await machine.end("manager");
      await machine.end("w1");
      startManager();
      const [stored] = await until("the manager answers", async () => {
        const nodes = await nodesOf(machine);
        return nodes.length > 0 && nodes;
      });
      // What it listens on says nothing to who looks for it.
      expect(stored).toMatchObject({ name: "w1", state: "ready", awaited: true, address: `${hostName()}:${port}` });
      expect((await machine.run("node", ...data)).out).toMatch(/^w1 .*worker \(not linked yet\)/m);
      const inspected = (await machine.run("node", "inspect", "w1", ...data)).out;
      expect(inspected).toMatch(/State: +ready .*as the store has it: not linked since the manager's start/);
      expect(inspected).toMatch(/Heartbeat: +-$/m);
      machine.start("w1", "worker", "-H", "0.0.0.0", "-p", `${port}`, "-n", "w1", ...PROCESSES);
      await joined(machine, "w1");
      await until("it is heard of", async () => (await nodesOf(machine)).every(({ awaited }) => awaited === undefined));
    },
    LIMIT_MS,
  );

  test(
    "a worker joins by the printed token, which a renewal makes void for others while it stays",
    async () => {
      await using machine = new Machine();
      await using other = new Machine();
      const api = freePort();
      const data = ["--data-dir", machine.dataOf("manager")];
      machine.start("manager", "manager", "-p", `${api}`);
      await until("the manager answers", async () => (await machine.run("node", ...data)).code === 0);
      const { out, err } = await machine.run("node", "token", ...data);
      expect([out, err.includes("--listen 0.0.0.0:5555")]).toEqual([
        expect.stringMatching(/^cube1\.[a-z2-7]+\.[a-z2-7]+\n$/),
        true,
      ]);
      const file = join(other.home, "token");
      writeFileSync(file, out, { mode: 0o600 });
      const join_ = ["--join", `127.0.0.1:${api}`, "--join-token-file", file];
      other.start("w1", "worker", ...join_, "--name", "w1", ...PROCESSES);
      const beats = async () => {
        const [node] = await joined(machine, "w1");
        return typeof node?.heartbeatAgeMs === "number" && node;
      };
      expect(await until("w1 beats", beats)).toMatchObject({ dialledBy: "worker", protocol: 1 });
      const renewed = await machine.run("node", "token", "--renew", ...data);
      expect(renewed.out).not.toBe(out);
      other.start("w2", "worker", ...join_, "--name", "w2", ...PROCESSES);
      const log = () => Bun.file(join(machine.dataOf("manager"), "cube.log")).text();
      await until("the void token is refused", async () => /is not let in: .*token/.test(await log()), {
        limitMs: 30_000,
      });
      expect((await nodesOf(machine)).map(({ name, state }) => [name, state])).toEqual([["w1", "ready"]]);
    },
    LIMIT_MS,
  );

  test(
    "a node that is removed is dialled no more",
    async () => {
      await using machine = new Machine();
      const port = freePort();
      const data = ["--data-dir", machine.dataOf("manager")];
      machine.start("manager", "manager", "-p", `${freePort()}`);
      machine.start("w1", "worker", "-p", `${port}`, "-n", "w1", ...PROCESSES);
      await until(
        "the manager answers",
        async () => (await machine.run("node", "add", `127.0.0.1:${port}`, ...data)).code === 0,
      );
      await joined(machine, "w1");
      await machine.end("w1");
      expect((await machine.run("node", "rm", "--force", "w1", ...data)).code).toBe(0);
      const listed = await machine.run("node", ...data);
      expect([await nodesOf(machine), listed.err]).toEqual([[], ""]);
    },
    LIMIT_MS,
  );
});

describe("roles: nodes on the screen", () => {
  test(
    "a node is added by a key and seen in detail; who comes back is told what happened meanwhile",
    async () => {
      await using machine = new Machine();
      const port = freePort();
      const data = ["--data-dir", machine.dataOf("manager")];
      machine.start("manager", "manager", "-p", `${freePort()}`);
      machine.start("w1", "worker", "-p", `${port}`, "-n", "w1", ...PROCESSES);
      await until("the manager answers", async () => (await machine.run("node", ...data)).code === 0);
      await using first = machine.screen("attach", ...data);
      await first.until("no node has joined yet");
      first.send("2a");
      await first.until("dial HOST:PORT");
      first.send(`127.0.0.1:${port}\r`);
      await first.until("w1");
      first.send("\r");
      await first.until("dialled by the manager");
      await first.until(/Round trip +[\d.]+ ms/);
      await first.until(/Heartbeat +\d+s ago/);
      first.send("qq");
      expect(await first.exit()).toBe(0);
      const seen = join(machine.dataOf("manager"), "seen");
      const [clusterId, revision] = readFileSync(seen, "utf8").split(" ");
      writeFileSync(seen, `${clusterId} ${revision} ${Date.now() - 7_200_000}\n`);
      await machine.end("w1", "SIGKILL");
      await until("it is out", async () => (await nodesOf(machine)).some(({ state }) => state === "disconnected"), {
        limitMs: 40_000,
      });
      await using second = machine.screen("attach", ...data);
      await second.until("while you were away (2h): w1 went out of reach");
      second.send("2D");
      await second.until("Remove w1?");
      second.send("y");
      await second.until("w1 is removed");
    },
    LIMIT_MS,
  );
});
