// The real manager and the real worker with a TLS link between them: everything that they say to each other passes the codec.
import { expect, test } from "bun:test";
import { seededDraw } from "../../src/core/jitter.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import type { Task } from "../../src/core/task.ts";
import { openManager } from "../../src/manager/host.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createManagerLink } from "../../src/transport/manager-link.ts";
import { createRemoteLinks } from "../../src/transport/remote-links.ts";
import { aJobSpec } from "../core/records.ts";
import { FACTS } from "../worker/driver.ts";
import { startRig } from "../worker/host-setup.ts";
import { identityIn, Lines, NO_LIMITS, QUICK, scratch, until } from "./links-bed.ts";
import { listening, Relay } from "./wire.ts";

test("link: a job submitted to a manager runs on a worker elsewhere, and a lost link restarts nothing", async () => {
  using directory = scratch();
  const [boss, hand] = [identityIn(directory.file("manager.key")), identityIn(directory.file("worker.key"))];
  const secret = "a".repeat(32);
  const clock = { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId: "b" }) };
  const common = { log: new Lines(), draw: seededDraw(4), times: QUICK, limits: NO_LIMITS };
  const known = new Map<string, { readonly machineId: string }>();
  const links = createRemoteLinks({
    ...common,
    identity: boss,
    joinSecret: () => secret,
    known: (nodeId) => known.get(nodeId) ?? null,
    manager: () => null,
  });
  const opening = await openManager({
    store: createMemoryStore({ nowMs: Date.now }),
    links,
    clock,
    log: common.log,
    scheduler: SCHEDULERS.epvm,
    clusterId: boss.id,
    instanceId: "i",
    heartbeatMs: 2_000,
    keepLocalWorker: false,
  });
  if (!opening.ok) throw new Error(opening.failure.message);
  const manager = opening.value;
  manager.subscribe((news) => {
    if (news.kind === "committed") for (const [id, node] of news.cluster.nodes) known.set(id, node);
  });
  manager.start();
  const front = links.front(null);
  const port = await listening(front);
  const relay = new Relay(port);
  const link = createManagerLink({
    ...common,
    identity: hand,
    machineId: FACTS.machineId,
    pinFile: directory.file("manager.pin"),
    token: () => ({ ok: true, value: { clusterId: boss.id, secret } }),
    join: { host: "127.0.0.1", port: await relay.listen() },
  });
  const node = { id: hand.id, address: "", version: "0", labels: {}, reserved: FACTS.reserved, local: false };
  const rig = await startRig({ nodeId: hand.id, options: { link, node } });
  link.serve(rig.host);
  try {
    const submitted = await manager.execute(
      { kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec("web") },
      "test",
    );
    expect(submitted.ok).toBe(true);
    let tasks: readonly Task[] = [];
    const look = async (): Promise<void> => {
      tasks = [...(await manager.read()).tasks.values()];
    };
    const running = async (): Promise<void> => {
      while (tasks.length === 0 || tasks.some((task) => task.fact.state !== "running")) {
        await look();
        await Bun.sleep(10);
      }
    };
    await running();
    expect(tasks[0]?.nodeId).toBe(hand.id);
    const before = tasks.map(({ id, fact }) => `${id} ${fact.incarnation}`);
    const first = links.peers()[0]?.linkId;
    relay.cut();
    await until("another link", () => links.peers().some((peer) => peer.linkId !== first && peer.version !== ""));
    await until("a full report", () => rig.host.problem() === "" && links.peers().length === 1);
    await running();
    expect(tasks.map(({ id, fact }) => `${id} ${fact.incarnation}`)).toEqual(before);
    expect(common.log.lines.filter((line) => line.includes("no message"))).toEqual([]);
    const raw = await links.streams.inspectRaw(hand.id, tasks[0]?.id ?? "");
    expect(raw.ok).toBe(true);
  } finally {
    await rig.host.close();
    link.end();
    await manager.close();
    links.end();
    front.close();
    relay[Symbol.dispose]();
  }
}, 30_000);
