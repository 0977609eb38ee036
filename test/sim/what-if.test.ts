import { describe, expect, test } from "bun:test";
import { ingestRefusal } from "../../src/core/refusal.ts";
import { aCluster, aJobSpec, aSpec } from "../core/records.ts";
import { ask, elsewhere, GIB, loads, outcomes, picture, running } from "./what-if-picture.ts";

const THREE = [elsewhere("n1"), elsewhere("n2"), elsewhere("n3")];
const memory = (gib: number) => ({ resources: { cpuMillis: 100, memoryBytes: gib * GIB, diskBytes: 0 } });

describe("sim/what-if: a node dies", () => {
  test("sim/what-if: its tasks move to the nodes with the least cost, one after the other, and the rest stays", () => {
    const answer = ask(picture(THREE, running("web", ["n1", "n2", "n3", "n3"], memory(1))), { without: ["n3"] });
    expect(outcomes(answer)).toEqual(["web.web.2 moves n3 -> n1", "web.web.3 moves n3 -> n2"]);
    expect(loads(answer)).toEqual(["n1 stays 1 -> 2", "n2 stays 1 -> 2", "n3 gone 2 -> 0"]);
    expect(answer.tasks[0]?.reason).toMatch(/^placed on n1: lowest cost [0-9.]+ of 2$/);
    expect({ fits: answer.fits, notes: answer.notes }).toEqual({ fits: true, notes: [] });
  });

  test("sim/what-if: what fits nowhere else is pending, with the scheduler's words for every node", () => {
    const jobs = [running("big", ["n3"], memory(6)), running("full", ["n1"], memory(5))];
    const nodes = [elsewhere("n1"), elsewhere("n2", { availability: "cordoned" }), elsewhere("n3")];
    const answer = ask(picture(nodes, ...jobs), { without: ["n3"] });
    expect(answer.tasks).toMatchObject([
      {
        ...{ name: "big", outcome: "waits", from: "n3", to: "", already: false },
        reason: "3 nodes: 1 lacks 6 GiB memory, 1 is cordoned, 1 is disconnected",
        refusals: [
          { nodeName: "n1", filter: "memory", reason: "lacks 6 GiB memory (3 GiB of 8 GiB memory free)" },
          { nodeName: "n2", reason: "is cordoned" },
          { nodeName: "n3", reason: "is disconnected" },
        ],
      },
    ]);
    expect(answer.fits).toBe(false);
  });

  test("sim/what-if: a task whose volume is there stays with it, and so does one that is not to be replaced", () => {
    const volume = { kind: "volume", source: "pgdata", target: "/data", readOnly: false } as const;
    const bound = running("db", ["n3"], { mounts: [volume] });
    const still = running("pin", ["n3"], { disconnect: { ...aSpec().disconnect, replace: false } });
    const answer = ask(picture(THREE, bound, still, running("web", ["n3"])), { without: ["n3"] });
    expect(outcomes(answer)).toEqual(["db stays n3 -> n3", "pin stays n3 -> n3", "web moves n3 -> n1"]);
    expect(answer.tasks.map(({ reason }) => reason).slice(0, 2)).toEqual([
      "its data is there (volume pgdata)",
      "its job says that it is not replaced",
    ]);
    expect(loads(answer)[2]).toBe("n3 gone 3 -> 2");
    expect(answer.fits).toBe(false);
  });

  test("sim/what-if: a fixed host port is taken once on a node, so the second replica has to wait", () => {
    const ports = [{ containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" } as const];
    const answer = ask(picture(THREE, running("web", ["n1", "n2", "n3"], { ports })), { without: ["n3"] });
    expect(outcomes(answer)).toEqual(["web.web.2 waits n3 -> -"]);
    expect(answer.tasks[0]?.reason).toBe("3 nodes: 2 have port 8080/tcp taken, 1 is disconnected");
  });

  test("sim/what-if: constraints hold for the replacement too", () => {
    const nodes = [elsewhere("n1", { labels: { zone: "a" } }), elsewhere("n2", { labels: { zone: "b" } })];
    const three = [...nodes, elsewhere("n3", { labels: { zone: "b" } })];
    const constraints = [{ key: "zone", operator: "==", value: "b" } as const];
    const jobs = [running("b", ["n3"], { constraints }), running("load", ["n2"], memory(4))];
    expect(outcomes(ask(picture(three, ...jobs), { without: ["n3"] }))).toEqual(["b moves n3 -> n2"]);
    expect(ask(picture(three, ...jobs), { without: ["n2", "n3"] }).tasks[0]?.reason).toContain(
      "1 does not meet zone == b",
    );
  });

  test("sim/what-if: two that die together are more than a manager takes for dead by itself, and the answer says so", () => {
    const answer = ask(picture(THREE, running("web", ["n2", "n3"])), { without: ["n2", "n3"] });
    expect(outcomes(answer)).toEqual(["web.web.0 moves n2 -> n1", "web.web.1 moves n3 -> n1"]);
    expect(answer.notes.map((note) => note.slice(0, 57))).toEqual([
      "By itself the manager would replace nothing: isolated? mo",
    ]);
    expect(answer.notes[0]).toEndWith("What is shown is after `cube node trust-loss`.");
  });

  test("sim/what-if: the only node elsewhere has no witness, which the answer says", () => {
    const nodes = [elsewhere("n1", { local: true }), elsewhere("n2")];
    const answer = ask(picture(nodes, running("web", ["n2"])), { without: ["n2"] });
    expect(outcomes(answer)).toEqual(["web moves n2 -> n1"]);
    expect(answer.notes).toEqual([
      "By itself the manager would replace nothing: no other node elsewhere would be left to tell a dead node from a manager that is cut off. What is shown is after `cube node trust-loss`.",
    ]);
  });

  test("sim/what-if: a replacement that is due in a day is in the answer, and one that is given up before it is tried again", () => {
    const { disconnect } = aSpec();
    const slow = running("slow", ["n3"], {
      disconnect: { ...disconnect, replaceAfterMs: 86_400_000, lostAfterMs: 2 * 86_400_000 },
    });
    const lost = running("lost", ["n3"], { disconnect: { ...disconnect, replaceAfterMs: 86_400_000 } });
    const answer = ask(picture(THREE, slow, lost), { without: ["n3"] });
    expect(answer.tasks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(["lost moves", "slow moves"]);
  });

  test("sim/what-if: of more nodes than the manager replaces in a minute all are replaced in the end", () => {
    const nodes = Array.from({ length: 16 }, (_, at) => elsewhere(`n${10 + at}`));
    const gone = nodes.slice(0, 7).map(({ id }) => id);
    const answer = ask(picture(nodes, running("web", gone)), { without: gone });
    expect(answer.tasks.filter(({ outcome }) => outcome === "moves")).toHaveLength(7);
    expect(answer.notes).toEqual([]);
  });

  test("sim/what-if: a node that is out already is no news, nor is what waits already", () => {
    const nodes = [elsewhere("n1"), elsewhere("n2"), elsewhere("n3", { state: "disconnected" })];
    const volume = { kind: "volume", source: "pgdata", target: "/data", readOnly: false } as const;
    const jobs = [
      running("db", ["n3"], { mounts: [volume] }),
      running("huge", [""], memory(64)),
      running("web", ["n2"]),
    ];
    const answer = ask(picture(nodes, ...jobs), { add: [aJobSpec("new")] });
    expect(outcomes(answer)).toEqual([
      "db stays n3 -> n3 already",
      "huge waits - -> - already",
      expect.stringMatching(/^new starts - -> n1$/),
    ]);
    expect(answer.fits).toBe(true);
  });
});

test("sim/what-if: a node that does not follow its manager takes nothing here either", () => {
  const [draft] = ingestRefusal(aCluster(elsewhere("n1")), "n1", "of another cluster");
  const refusing = draft?.change.kind === "node.put" ? draft.change.node : elsewhere("none");
  const answer = ask(picture([refusing, elsewhere("n2", { availability: "cordoned" })]), { add: [aJobSpec("new")] });
  expect(answer.tasks).toMatchObject([{ outcome: "waits", reason: "2 nodes: 1 refuses this manager, 1 is cordoned" }]);
});

describe("sim/what-if: jobs and nodes come", () => {
  test("sim/what-if: a job is placed behind what was replaced, and what of it does not fit is pending", () => {
    const nodes = [elsewhere("n1"), elsewhere("n2")];
    const of = picture(nodes, running("web", ["n2"], memory(5)));
    const answer = ask(of, { without: ["n2"], add: [aJobSpec("api", aSpec(memory(2)), 2)] });
    expect(outcomes(answer)).toEqual(["api.api.0 starts - -> n1", "api.api.1 waits - -> -", "web moves n2 -> n1"]);
  });

  test("sim/what-if: a node like another one takes what waits for room", () => {
    const of = picture([elsewhere("n1")], running("full", ["n1"], memory(7)), running("wait", [""], memory(4)));
    expect(outcomes(ask(of, { add: [] }))).toEqual(["wait waits - -> - already"]);
    const answer = ask(of, { join: ["n1"] });
    expect(outcomes(answer)).toEqual(["wait starts - -> n1-new"]);
    expect(loads(answer)).toEqual(["n1 stays 1 -> 1", "n1-new new 0 -> 1"]);
  });

  test("sim/what-if: a first node elsewhere relieves the manager's own, and the answer says so", () => {
    const of = picture([elsewhere("own", { local: true })], running("web", ["own"]));
    const answer = ask(of, { join: ["own"], add: [aJobSpec("api")] });
    expect(outcomes(answer)).toEqual(["api starts - -> own-new"]);
    expect(answer.notes[0]).toStartWith("own, the manager's own node, would take no more tasks");
  });

  test("sim/what-if: what waits is placed by measured load, as it would be by a manager that knows its nodes", () => {
    const of = picture(THREE, running("wait", [""]));
    const busy = [...of.metrics].map(
      ([id, sample]) => [id, { ...sample, cpuMillis: id === "n2" ? 0 : 3_000 }] as const,
    );
    expect(ask({ ...of, metrics: new Map(busy) }, {}).nodes.map(({ after }) => after.tasks)).toEqual([0, 1, 0]);
  });
});

describe("sim/what-if: how many more", () => {
  test("sim/what-if: as many as the scheduler places before the first has to wait, and why that one does", () => {
    const of = picture(THREE, running("web", ["n1", "n2"], memory(2)));
    const answer = ask(of, { howMany: aJobSpec("more", aSpec(memory(3))) });
    expect(answer.howMany).toMatchObject({
      ...{ name: "more", copies: 6, atLeast: false },
      nodes: [
        { name: "n1", tasks: 2 },
        { name: "n2", tasks: 2 },
        { name: "n3", tasks: 2 },
      ],
      reason: "3 nodes: 3 lack 3 GiB memory",
    });
    expect(loads(answer)).toEqual(["n1 stays 1 -> 1", "n2 stays 1 -> 1", "n3 stays 0 -> 0"]);
    expect(answer.fits).toBe(true);
  });

  test("sim/what-if: hundreds are counted as exactly, and of a job of many tasks whole copies only", () => {
    const small = aSpec({ resources: { cpuMillis: 10, memoryBytes: 1, diskBytes: 0 } });
    expect(ask(picture(THREE), { howMany: aJobSpec("tiny", small) }).howMany?.copies).toBe(1_200);
    const copies = ask(picture(THREE), { howMany: aJobSpec("five", aSpec(memory(2)), 5) }).howMany;
    expect(copies).toMatchObject({ copies: 2, reason: "3 nodes: 3 lack 2 GiB memory" });
    expect(copies?.nodes.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(10);
  });

  test("sim/what-if: none at all does not fit", () => {
    const answer = ask(picture(THREE), { howMany: aJobSpec("huge", aSpec(memory(64))) });
    expect(answer.howMany).toMatchObject({ copies: 0, nodes: [] });
    expect(answer.fits).toBe(false);
  });
});

test("sim/what-if: the same question has the same answer, and leaves the picture as it was", () => {
  const of = picture(THREE, running("web", ["n1", "n2", "n3"]), running("wait", [""], memory(64)));
  const whole = structuredClone(of);
  const question = { join: ["n1"], without: ["n2"], add: [aJobSpec("new")], howMany: aJobSpec("more") };
  expect(ask(of, question)).toEqual(ask(of, question));
  expect(of).toEqual(whole);
});
