import { describe, expect, test } from "bun:test";
import type { WatchItem } from "../../../src/client/resources.ts";
import { fold, NO_CLUSTER } from "../../../src/tui/state/cluster.ts";
import { parseFilter, type Sort, taskRows } from "../../../src/tui/state/rows.ts";
import { snapshot } from "../play.ts";
import { smallCluster, task } from "../records.ts";

const cluster = fold(NO_CLUSTER, [
  snapshot(smallCluster()) as WatchItem,
  { kind: "metrics", metrics: smallCluster().metrics },
]);
const names = (filter: string, sort: Sort = { by: "name", reverse: false }): string[] =>
  taskRows(cluster, { filter, sort }).map((each) => each.name);

describe("rows", () => {
  test("match every word, in any field", () => {
    expect(names("node-b")).toEqual(["report", "search"]);
    expect(names("node-b pull")).toEqual(["search"]);
  });

  test("leave out what is negated", () => {
    expect(names("node-a !running !health")).toEqual(["worker"]);
  });

  test("match a regular expression and say when there is none", () => {
    expect(names("name:/^(db|web)$/")).toEqual(["db", "web"]);
    expect(parseFilter("/(/").problem).toBe("/(/ is not a regular expression");
  });

  test("look into the named field only", () => {
    expect(names("state:failed")).toEqual(["report"]);
    expect(names("image:postgres")).toEqual(["db"]);
    expect(names("runtime:process")).toEqual(["sleeper"]);
  });

  test("sort by figures largest first, by name among equals, and in reverse", () => {
    expect(names("node-a", { by: "cpu", reverse: false }).slice(0, 3)).toEqual(["db", "web", "cache"]);
    expect(names("", { by: "restarts", reverse: false }).slice(0, 3)).toEqual(["report", "db", "worker"]);
    expect(names("", { by: "name", reverse: true })[0]).toBe("worker");
  });

  test("sort numbers in names by value", () => {
    const replicas = ["web.10", "web.2", "web.1"].map((name, slot) => task({ id: name, name, slot }));
    const event = smallCluster().events[0] as never as { readonly revision: number };
    const news = replicas.map((each, i) => {
      return { kind: "event", event: { ...event, revision: 1_000 + i, task: each } } as never;
    });
    const more = fold(cluster, news);
    const rows = taskRows(more, { filter: "name:web.", sort: { by: "name", reverse: false } });
    expect(rows.map((each) => each.name)).toEqual(["web.1", "web.2", "web.10"]);
  });

  test("show only the newest attempt of a slot", () => {
    const old = task({ id: "old", name: "old", current: false });
    const more = fold(cluster, [
      { kind: "event", event: { ...(smallCluster().events[0] as never as object), task: old } as never },
    ]);
    expect(taskRows(more, { filter: "", sort: { by: "name", reverse: false } }).some((each) => each.id === "old")).toBe(
      false,
    );
  });
});
