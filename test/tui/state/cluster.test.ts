import { describe, expect, test } from "bun:test";
import type { WatchItem } from "../../../src/client/resources.ts";
import { EVENTS_KEPT, fold, NO_CLUSTER, SAMPLES_KEPT, withDecisions } from "../../../src/tui/state/cluster.ts";
import { snapshot } from "../play.ts";
import { decision, event, metrics, node, smallCluster, task } from "../records.ts";

const begun = fold(NO_CLUSTER, [snapshot(smallCluster()) as WatchItem]);

describe("cluster", () => {
  test("takes records from events and drops what was removed", () => {
    const changed = task({ id: "task-web", name: "web", state: "stopped" });
    const after = fold(begun, [
      { kind: "event", event: event({ task: changed }) },
      { kind: "event", event: event({ kind: "task.remove", taskId: "task-db", text: "db deleted" }) },
      { kind: "event", event: event({ kind: "node.remove", nodeId: "node-id-c", taskId: "", text: "" }) },
    ]);
    expect([after.tasks.get("task-web")?.state, after.tasks.has("task-db"), after.nodes.has("node-id-c")]).toEqual([
      "stopped",
      false,
      false,
    ]);
  });

  test("makes history of the attempt before a new one in the same slot", () => {
    const next = task({ id: "task-web-2", jobId: "job-web", service: "web", attempt: 2 });
    const after = fold(begun, [{ kind: "event", event: event({ task: next }) }]);
    expect([after.tasks.get("task-web")?.current, after.tasks.get("task-web-2")?.current]).toEqual([false, true]);
  });

  test("makes history of the attempt whose slot an older one has back", () => {
    const next = task({ id: "task-web-2", jobId: "job-web", service: "web", attempt: 2 });
    const replaced = fold(begun, [{ kind: "event", event: event({ task: next }) }]);
    const back = { ...task({ id: "task-web", jobId: "job-web", service: "web" }), current: true };
    const after = fold(replaced, [
      { kind: "event", event: event({ kind: "slot.put", taskId: "task-web", task: back }) },
    ]);
    expect([after.tasks.get("task-web")?.current, after.tasks.get("task-web-2")?.current]).toEqual([true, false]);
  });

  test("shows events with words only, and keeps no more than it says", () => {
    const many = Array.from(
      { length: EVENTS_KEPT + 50 },
      (_, i): WatchItem => ({ kind: "event", event: event({ text: `event ${i}` }) }),
    );
    const after = fold(begun, [...many, { kind: "event", event: event({ text: "" }) }]);
    expect([after.events.length, after.events.at(-1)?.text]).toEqual([EVENTS_KEPT, `event ${EVENTS_KEPT + 49}`]);
  });

  test("keeps a bounded history of CPU for each node, and the last sample of a silent one", () => {
    let cluster = begun;
    for (let i = 0; i < SAMPLES_KEPT + 10; i++)
      cluster = fold(cluster, [{ kind: "metrics", metrics: [metrics({ cpuMillis: 2000 })] }]);
    cluster = fold(cluster, [{ kind: "metrics", metrics: [metrics({ nodeId: "node-id-b" })] }]);
    expect(cluster.history.get("node-id-a")?.length).toBe(SAMPLES_KEPT);
    expect(cluster.history.get("node-id-a")?.at(-1)).toBe(50);
    expect(cluster.metrics.get("node-id-a")?.cpuMillis).toBe(2000);
  });

  test("forgets nothing while the manager is out of reach, and everything at the next snapshot", () => {
    const down = fold(begun, [{ kind: "down", reason: "connection refused" }]);
    expect([down.down, down.tasks.size]).toEqual(["connection refused", 8]);
    const back = fold(down, [snapshot({ ...smallCluster(), tasks: [] }) as WatchItem]);
    expect([back.down, back.tasks.size]).toEqual(["", 0]);
  });

  test("prefers the decision that came with an event to an older answer", () => {
    const newer = withDecisions(begun, [decision({ atMs: 2000, summary: "newer" })]);
    expect(withDecisions(newer, [decision({ atMs: 1000, summary: "older" })]).decisions.get("task-web")?.summary).toBe(
      "newer",
    );
  });

  test("does not know the use of a task whose node is gone", () => {
    const known = fold(begun, [{ kind: "metrics", metrics: [metrics()] }]);
    const gone = fold(known, [
      snapshot({ ...smallCluster(), nodes: [node({ id: "other" })] }) as WatchItem,
      { kind: "metrics", metrics: [] },
    ]);
    expect([known.usage.size, gone.usage.size]).toEqual([2, 0]);
  });
});
