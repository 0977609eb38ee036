import { describe, expect, test } from "bun:test";
import type { EventResource } from "../../src/client/resources.ts";
import { summarise } from "../../src/tui/state/meanwhile.ts";
import { aJobSpec, aSpec } from "../core/records.ts";
import { Bench, fact } from "../manager/bench.ts";
import { Play, snapshot } from "./play.ts";
import { event, manager, START_MS, smallCluster, task } from "./records.ts";

const ID = manager().clusterId;
const HOUR_MS = 3_600_000;
const asked = (play: Play) => play.effects.filter(({ kind }) => kind === "meanwhile");
const nodeEvent = (text: string): EventResource => event({ kind: "node.put", text });
const taskEvent = (text: string, of: Partial<Parameters<typeof task>[0]> = {}): EventResource =>
  event({ kind: "task.put", text, task: task(of) });

describe("meanwhile: the line", () => {
  const line = (...events: EventResource[]) => summarise(events, { forMs: 2 * HOUR_MS, gap: false }).text;

  test("counts what happened to nodes and tasks", () => {
    expect(
      line(
        nodeEvent("node n2 is disconnected"),
        taskEvent("web is replaced: node n2 is out of reach", { state: "pending" }),
        taskEvent("db restarts: exit code 1"),
        taskEvent("db restarts: exit code 1"),
        taskEvent("job failed: exit code 2", { state: "failed" }),
        taskEvent("web is lost: its node is gone", { state: "lost" }),
        nodeEvent("node n2 is back"),
        nodeEvent("node n3 is disconnected"),
        nodeEvent("node n4 joined"),
        taskEvent("", { state: "failed" }),
      ),
    ).toBe(
      "while you were away (2h): n2 went and is back, n3 went out of reach, n4 joined, 2 restarts, 1 failed, 1 replaced, 1 lost",
    );
  });

  test("says so when nothing did, and when not everything is known any more", () => {
    expect(line(taskEvent("web is running"))).toContain("no node was lost, no task restarted or failed");
    expect(summarise([], { forMs: HOUR_MS, gap: true }).text).toContain("of what is still known");
  });

  test("counts many nodes instead of naming them", () => {
    const names = ["a", "b", "c", "d"];
    expect(line(...names.map((name) => nodeEvent(`node ${name} is disconnected`)))).toContain(
      "4 nodes went out of reach",
    );
  });

  test("knows the words of the very events that the manager makes", () => {
    const bench = new Bench();
    for (const n of [1, 2, 3]) bench.hello(`n${n}`, `l${n}`, { local: false });
    bench.passes(20_000);
    bench.submit(aJobSpec("web", aSpec()));
    const { id, nodeId } = bench.newest;
    const link = `l${nodeId?.slice(1)}`;
    bench.report([fact(id, { state: "running" })], [], link);
    bench.texts.length = 0;
    bench.report([fact(id, { state: "running", incarnation: 2, restarts: 1, message: "exit code 1" })], [], link);
    bench.cut(link);
    bench.passes(15_000);
    bench.hello(nodeId ?? "", link, { local: false });
    bench.report([fact(id, { state: "running", incarnation: 2, restarts: 1 })], [], link);
    const told = bench.texts.map((text) => (text.startsWith("node ") ? nodeEvent(text) : taskEvent(text)));
    expect(line(...told)).toBe(`while you were away (2h): ${nodeId} went and is back, 1 restart, 1 replaced`);
  });
});

describe("meanwhile: when it is told", () => {
  test("on attaching, since the last look at this cluster", () => {
    const seen = new Map([[ID, { revision: 40, atMs: START_MS - HOUR_MS }]]);
    const play = new Play(undefined, { seen }).items([snapshot(smallCluster())]);
    expect(asked(play)).toEqual([{ kind: "meanwhile", since: 40, sinceMs: START_MS - HOUR_MS }]);
    const events = [nodeEvent("node n2 is disconnected")];
    play.tell({ kind: "meanwhile", sinceMs: START_MS - HOUR_MS, events, gap: false });
    expect(play.footer()).toContain("while you were away (1h): n2 went out of reach");
    expect(play.model.live.events.at(-1)?.text).toContain("n2 went out of reach");
  });

  test("not for a cluster that nobody has seen, nor for one whose store has gone back", () => {
    expect(asked(new Play(undefined).items([snapshot(smallCluster())]))).toEqual([]);
    const seen = new Map([[ID, { revision: 4_000, atMs: START_MS - HOUR_MS }]]);
    expect(asked(new Play(undefined, { seen }).items([snapshot(smallCluster())]))).toEqual([]);
  });

  test("after the manager was out of reach for a while, once it has settled", () => {
    const play = new Play(smallCluster()).items([{ kind: "down", reason: "gone" }]);
    for (let second = 0; second < 15; second++) play.after(1_000);
    const settling = manager({ caution: "settling: nodes are given time to come back" });
    play.items([snapshot({ ...smallCluster(), manager: settling })]);
    expect(asked(play)).toEqual([]);
    play.items([{ kind: "manager", manager: manager() }]).after(1_000);
    expect(asked(play)).toEqual([{ kind: "meanwhile", since: 100, sinceMs: START_MS }]);
  });

  test("not after a moment without the manager", () => {
    const play = new Play(smallCluster()).items([{ kind: "down", reason: "gone" }]).after(3_000);
    expect(
      asked(
        play
          .items([snapshot(smallCluster())])
          .after(1_000)
          .after(15_000),
      ),
    ).toEqual([]);
  });

  test("on waking, once, when the nodes have had time to report", () => {
    const play = new Play(smallCluster()).after(8 * HOUR_MS).after(1_000);
    expect(asked(play)).toEqual([]);
    for (let second = 0; second < 10; second++) play.after(1_000);
    expect(asked(play)).toEqual([{ kind: "meanwhile", since: 100, sinceMs: START_MS }]);
  });
});
