// The session of a link as a pure machine: both ends wired to each other without any socket, and each step by itself.
import { describe, expect, test } from "bun:test";
import type { ManagerIdentity, SessionMessage } from "../../src/protocol/messages.ts";
import { backOffMs, MAX_OUTBOX_BYTES, rival, Session } from "../../src/protocol/session.ts";
import type { SessionEffect, SessionRole } from "../../src/protocol/session-events.ts";

const CLUSTER = "c".repeat(52);
const NODE = "n".repeat(52);
const NONCES = { manager: "a".repeat(64), worker: "b".repeat(64) };
const TIMES = { greetingMs: 5_000, pingMs: 4_000 };
const TRAITS = { machineId: "m1", processId: "p1" };
const MANAGER: ManagerIdentity = { clusterId: CLUSTER, instanceId: "i", term: 3, lineage: "l", revision: 1 };
const PROTOCOL = { min: 1, max: 1 };

type WorkerRole = Extract<SessionRole, { readonly kind: "worker" }>;

const managerRole = (known: { machineId: string } | null = { machineId: "m1" }): SessionRole => ({
  kind: "manager",
  manager: MANAGER,
  known,
});
const workerRole = (more: Partial<WorkerRole> = {}): SessionRole => ({
  kind: "worker",
  clusterId: CLUSTER,
  ...TRAITS,
  ...more,
});

/** Both machines, opened; frames go across until nothing moves any more. Answers what the hosts would. */
class Pair {
  readonly manager: Session;
  readonly worker: Session;
  readonly said: string[] = [];
  readonly effects: Record<"manager" | "worker", SessionEffect[]> = { manager: [], worker: [] };
  readonly #wire: { readonly to: "manager" | "worker"; readonly frame: SessionMessage }[] = [];
  mac: string | null = "f".repeat(64);
  right = true;
  refusal = "";

  constructor(managerAs: SessionRole, workerAs: SessionRole) {
    this.manager = new Session(managerAs, TIMES);
    this.worker = new Session(workerAs, TIMES);
  }

  run(): this {
    // Both sockets are open before either end hears anything.
    const first = this.worker.handle({ kind: "opened", peerId: CLUSTER, nonce: NONCES.worker });
    const second = this.manager.handle({ kind: "opened", peerId: NODE, nonce: NONCES.manager });
    this.#take("worker", first);
    this.#take("manager", second);
    for (let next = this.#wire.shift(); next; next = this.#wire.shift()) {
      this.#take(next.to, this[next.to].handle({ kind: "frame", frame: next.frame }));
    }
    return this;
  }

  closes(end: "manager" | "worker"): { reason: string; refused: boolean }[] {
    return this.effects[end].flatMap((one) =>
      one.kind === "close" ? [{ reason: one.reason, refused: one.refused }] : [],
    );
  }

  #take(end: "manager" | "worker", effects: readonly SessionEffect[]): void {
    this.effects[end].push(...effects);
    const own = this[end];
    for (const effect of effects) {
      if (effect.kind === "send") {
        this.said.push(`${end}: ${effect.frame.kind}`);
        this.#wire.push({ to: end === "manager" ? "worker" : "manager", frame: effect.frame });
      } else if (effect.kind === "prove") this.#take(end, own.handle({ kind: "proved", mac: this.mac }));
      else if (effect.kind === "check") this.#take(end, own.handle({ kind: "checked", right: this.right }));
      else if (effect.kind === "admit") this.#take(end, own.handle({ kind: "admitted", refusal: this.refusal }));
    }
  }
}

/** A manager's session that waits for the greeting, or is up. */
function manager(upTo: "greeting" | "up"): Session {
  const session = new Session(managerRole(), TIMES);
  session.handle({ kind: "opened", peerId: NODE, nonce: NONCES.manager });
  if (upTo === "greeting") return session;
  const open = { kind: "open", from: "worker", protocol: PROTOCOL, nonce: NONCES.worker, ...TRAITS } as const;
  session.handle({ kind: "frame", frame: open });
  session.handle({ kind: "admitted", refusal: "" });
  return session;
}

describe("session, greeting:", () => {
  test("a known worker and its manager agree without a token", () => {
    const pair = new Pair(managerRole(), workerRole()).run();
    expect(pair.said.filter((line) => !line.endsWith("open"))).toEqual(["manager: joined"]);
    expect([pair.manager.isUp, pair.worker.isUp]).toEqual([true, true]);
    expect(pair.effects.worker.find((one) => one.kind === "up")).toEqual({ kind: "up", protocol: 1, enrolled: false });
  });

  test("a worker of which only the key is still on record joins without a token, whatever its machine", () => {
    const pair = new Pair(managerRole({ machineId: "" }), workerRole()).run();
    expect([pair.manager.isUp, pair.worker.isUp]).toEqual([true, true]);
  });

  test("an unknown worker proves its token over both keys and both nonces", () => {
    const pair = new Pair(managerRole(null), workerRole()).run();
    const nonces = { managerNonce: NONCES.manager, workerNonce: NONCES.worker };
    expect(pair.effects.worker.find((one) => one.kind === "prove")).toEqual({
      kind: "prove",
      peerId: CLUSTER,
      ...nonces,
    });
    expect(pair.effects.manager.find((one) => one.kind === "check")).toEqual({
      kind: "check",
      peerId: NODE,
      mac: "f".repeat(64),
      ...nonces,
    });
    expect([pair.manager.isUp, pair.worker.isUp]).toEqual([true, true]);
    expect(pair.effects.manager.find((one) => one.kind === "up")).toEqual({ kind: "up", protocol: 1, enrolled: true });
  });

  test("a worker says nothing but a refusal to another key than its cluster's", () => {
    const pair = new Pair(managerRole(), workerRole({ clusterId: "d".repeat(52) })).run();
    expect(pair.said.filter((line) => line.startsWith("worker"))).toEqual(["worker: refused"]);
    expect(pair.closes("worker")).toEqual([
      { reason: "this node belongs to cluster dddddddd, not to cccccccc", refused: true },
    ]);
    expect(pair.manager.isUp).toBe(false);
  });

  const REFUSALS: readonly [string, (pair: Pair) => void, SessionRole, SessionRole, string][] = [
    ["a wrong token", (pair) => (pair.right = false), managerRole(null), workerRole(), "wrong join token"],
    ["no token", (pair) => (pair.mac = null), managerRole(null), workerRole(), "it has no join token"],
    ["another machine", () => undefined, managerRole({ machineId: "m2" }), workerRole(), "a clone?"],
    ["a rival", (pair) => (pair.refusal = "linked already"), managerRole(), workerRole(), "linked already"],
    ["an old term", () => undefined, managerRole(), workerRole({ judge: ({ term }) => `term ${term}` }), "term 3"],
    ["no cluster", () => undefined, managerRole(), workerRole({ clusterId: null }), "joined no cluster yet"],
  ];

  test.each(REFUSALS)("for %s both ends know why", (_name, arrange, managerAs, workerAs, reason) => {
    const pair = new Pair(managerAs, workerAs);
    arrange(pair);
    pair.run();
    for (const end of ["manager", "worker"] as const) {
      expect(pair.closes(end)).toEqual([{ reason: expect.stringContaining(reason), refused: true }]);
      expect(pair[end].isUp).toBe(false);
    }
  });

  test("other versions are refused, newer ones that still speak ours are not", () => {
    const open = (protocol: { min: number; max: number }): SessionMessage => ({
      kind: "open",
      from: "worker",
      protocol,
      nonce: NONCES.worker,
      ...TRAITS,
    });
    const kinds = (protocol: { min: number; max: number }) =>
      manager("greeting")
        .handle({ kind: "frame", frame: open(protocol) })
        .map((effect) => effect.kind);
    expect(kinds({ min: 2, max: 5 })).toEqual(["send", "close"]);
    expect(kinds({ min: 0, max: 0 })).toEqual(["send", "close"]);
    expect(kinds({ min: 1, max: 9 })).toEqual(["admit"]);
  });

  test("whoever reflects the greeting, or greets as the same role, is refused", () => {
    const own = {
      kind: "open",
      from: "manager",
      protocol: PROTOCOL,
      nonce: NONCES.manager,
      enrol: false,
      manager: null,
    };
    const same = manager("greeting").handle({ kind: "frame", frame: own as SessionMessage });
    expect(same.map((effect) => effect.kind)).toEqual(["send", "close"]);
    const echo = { kind: "open", from: "worker", protocol: PROTOCOL, nonce: NONCES.manager, ...TRAITS } as const;
    expect(
      manager("greeting")
        .handle({ kind: "frame", frame: echo })
        .map((effect) => effect.kind),
    ).toEqual(["send", "close"]);
  });

  test("anything before its time ends the link, and nothing of it is delivered", () => {
    const early = [
      { kind: "heartbeat", metrics: null, progress: [] },
      { kind: "proof", mac: "0".repeat(64) },
      { kind: "joined", protocol: 1 },
      { kind: "bulk", nonce: NONCES.worker },
    ] as const;
    for (const frame of early) {
      const effects = manager("greeting").handle({ kind: "frame", frame });
      expect(effects.map((effect) => effect.kind)).toEqual(["send", "close"]);
    }
  });

  test("a proof is checked once: a second one, or one that nobody asked for, ends the link", () => {
    const session = new Session(managerRole(null), TIMES);
    session.handle({ kind: "opened", peerId: NODE, nonce: NONCES.manager });
    const open = { kind: "open", from: "worker", protocol: PROTOCOL, nonce: NONCES.worker, ...TRAITS } as const;
    expect(session.handle({ kind: "frame", frame: open })).toEqual([]);
    const proof = { kind: "frame", frame: { kind: "proof", mac: "0".repeat(64) } } as const;
    expect(session.handle(proof).map((effect) => effect.kind)).toEqual(["check"]);
    expect(session.handle(proof).map((effect) => effect.kind)).toEqual(["send", "close"]);
    expect(session.handle({ kind: "checked", right: true })).toEqual([]);
  });

  test("who does not finish its greeting in time is hung up on", () => {
    expect(manager("greeting").handle({ kind: "timer" })).toEqual([
      { kind: "close", reason: "the worker did not finish its greeting within 5000 ms", refused: false },
    ]);
  });
});

describe("session, up:", () => {
  test("messages are delivered in both directions; the greeting is never said again", () => {
    const session = manager("up");
    const ack = { kind: "report", number: 1, full: false, facts: [], removed: [] } as const;
    expect(session.handle({ kind: "frame", frame: ack })).toEqual([{ kind: "deliver", frame: ack }]);
    const again = { kind: "proof", mac: "0".repeat(64) } as const;
    expect(session.handle({ kind: "frame", frame: again }).map((effect) => effect.kind)).toEqual(["send", "close"]);
  });

  test("a peer that is heard of is pinged on; one that is silent from a ping to the next is gone", () => {
    const session = manager("up");
    const ping: SessionEffect[] = [{ kind: "ping" }, { kind: "arm", afterMs: 4_000 }];
    expect(session.handle({ kind: "heard" })).toEqual([]);
    expect(session.handle({ kind: "timer" })).toEqual(ping);
    session.handle({ kind: "frame", frame: { kind: "heartbeat", metrics: null, progress: [] } });
    expect(session.handle({ kind: "timer" })).toEqual(ping);
    expect(session.handle({ kind: "timer" })).toEqual([
      { kind: "close", reason: "the worker was not heard of for 4000 ms", refused: false },
    ]);
  });

  test("what may wait is bounded: heartbeats are dropped at the bound, anything else begins anew", () => {
    const session = manager("up");
    const send = (what: "heartbeat" | "other", waitingBytes: number) =>
      session.handle({ kind: "send", what, waitingBytes }).map((effect) => effect.kind);
    expect(send("other", MAX_OUTBOX_BYTES)).toEqual(["pass"]);
    expect(send("heartbeat", MAX_OUTBOX_BYTES + 1)).toEqual([]);
    expect(send("other", MAX_OUTBOX_BYTES + 1)).toEqual(["close"]);
    expect(send("other", 0)).toEqual([]);
  });

  test("nothing is sent before it is up, and nothing happens after its end", () => {
    const greeting = manager("greeting");
    expect(greeting.handle({ kind: "send", what: "other", waitingBytes: 0 })).toEqual([]);
    const session = manager("up");
    session.handle({ kind: "closed" });
    expect(session.handle({ kind: "timer" })).toEqual([]);
    expect(session.handle({ kind: "frame", frame: { kind: "ack", number: 1 } })).toEqual([]);
    expect(session.isUp).toBe(false);
  });
});

describe("back-off and rivals:", () => {
  test("a link that was up is dialled again at once; then waits are drawn from a window that doubles from half a second to eight", () => {
    const highest = (failures: number) => backOffMs(failures, () => 0.999999);
    expect([0, 1, 2, 3, 4, 5, 6, 50].map(highest)).toEqual([99, 499, 999, 1_999, 3_999, 7_999, 7_999, 7_999]);
    expect([0, 3, 9].map((failures) => backOffMs(failures, () => 0))).toEqual([0, 0, 0]);
  });

  test("another machine is a clone at once; another process only if the older link lives", () => {
    expect(rival({ machineId: "m2", processId: "p1" }, TRAITS)).toBe("refuse");
    expect(rival({ machineId: "m1", processId: "p2" }, TRAITS)).toBe("probe");
    expect(rival(TRAITS, TRAITS)).toBe("probe");
  });
});
