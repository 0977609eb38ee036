// The simulated manager behind the port that every manager stands behind: durable state, one log without gaps, and a plain no while it is away.
import { describe, expect, test } from "bun:test";
import { eventResources, taskResource } from "../../src/api/resources.ts";
import type { TaskResource } from "../../src/client/resources.ts";
import { emptyCluster } from "../../src/core/cluster.ts";
import type { ManagerNews } from "../../src/manager/commands.ts";
import { DemoAccess } from "../../src/roles/demo-access.ts";
import { DemoCluster } from "../../src/sim/demo.ts";
import { demoBatch } from "../../src/sim/demo-jobs.ts";
import { MANAGER } from "../../src/sim/simulation.ts";
import { fold, type Cluster as Mirror, NO_CLUSTER } from "../../src/tui/state/cluster.ts";

const SECOND = 1_000;

function opened(): { readonly demo: DemoCluster; readonly access: DemoAccess } {
  const demo = new DemoCluster({ seed: 1, nodes: 3 });
  demo.story.isOn = false;
  return { demo, access: new DemoAccess(demo) };
}

const submit = { kind: "job.submit", id: "mine", spec: demoBatch(99, 2), idempotencyKey: "" } as const;

describe("roles: demo access", () => {
  test("a command is answered at once, though nobody lets time pass, and what it did can be read", async () => {
    const { access } = opened();
    expect(await access.execute(submit, "ui:you")).toMatchObject({ ok: true, jobId: "mine", created: true });
    const job = (await access.read()).jobs.get("mine");
    expect([job?.desired, job?.actor]).toEqual(["run", "ui:you"]);
  });

  test("the log has every change in order, also those from before anybody listened, and knows what it has not", async () => {
    const { demo, access } = opened();
    demo.advance(30 * SECOND);
    const { revision } = access.status();
    const all = (await access.log(0, revision)) ?? [];
    expect(all.map((change) => change.revision)).toEqual(Array.from({ length: revision }, (_, i) => i + 1));
    expect((await access.log(revision - 2, 10))?.map((change) => change.revision)).toEqual([revision - 1, revision]);
    expect(await access.log(revision, 10)).toEqual([]);
  });

  test("news come as durable batches that follow one another, with the cluster that shows them", async () => {
    const { demo, access } = opened();
    const news: ManagerNews[] = [];
    const before = access.status().revision;
    using _subscription = access.subscribe((one) => void news.push(one));
    await access.execute(submit, "ui:you");
    demo.advance(10 * SECOND);
    const changes = news.flatMap((one) => (one.kind === "committed" ? one.changes : []));
    expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, i) => before + 1 + i));
    expect(changes.length).toBeGreaterThan(2);
  });

  test("while the manager is dead it is read and asked in vain, in words, and afterwards mirrors start over", async () => {
    const { demo, access } = opened();
    const news: string[] = [];
    using _subscription = access.subscribe(({ kind }) => void news.push(kind));
    demo.begin({ atMs: demo.sim.nowMs, kind: "crash", who: MANAGER, when: "now", downMs: 5 * SECOND });
    expect(news).toEqual(["reloaded"]);
    expect(access.read()).rejects.toThrow("it was killed in this demo");
    expect(await access.execute(submit, "ui:you")).toMatchObject({ ok: false, code: "unavailable" });
    demo.advance(6 * SECOND);
    expect(news.filter((kind) => kind === "reloaded")).toHaveLength(2);
    expect((await access.read()).nodes.size).toBe(3);
  });

  test("whoever folds the news knows what a new look shows, also when tasks that were replaced have their slots back", () => {
    const demo = new DemoCluster({ seed: 1, nodes: 12 });
    const access = new DemoAccess(demo);
    const { machine } = demo.sim.manager.manager;
    const tasksNow = () =>
      [...(machine?.cluster.tasks.values() ?? [])].map((task) =>
        taskResource(machine?.cluster ?? emptyCluster(), task),
      );
    const words = (tasks: Iterable<TaskResource>) =>
      [...tasks].flatMap(({ id, current, state, nodeId }) => (current ? [`${id} ${state} ${nodeId}`] : [])).toSorted();
    let mirror: Mirror = { ...NO_CLUSTER, tasks: new Map(tasksNow().map((task) => [task.id, task])) };
    using _subscription = access.subscribe((news) => {
      if (news.kind !== "committed") return;
      const events = eventResources(news.cluster, news.changes);
      mirror = fold(
        mirror,
        events.map((event) => ({ kind: "event", event })),
      );
    });
    demo.begin({ atMs: demo.sim.nowMs, kind: "cut", from: "alder", to: MANAGER, both: true, forMs: 30 * SECOND });
    for (let minute = 0; minute < 10; minute++) {
      demo.advance(60 * SECOND);
      expect(words(mirror.tasks.values())).toEqual(words(tasksNow()));
    }
  }, 60_000);

  test("caution that comes and goes is told, once each time", () => {
    const { demo, access } = opened();
    access.look();
    const news: string[] = [];
    using _subscription = access.subscribe(
      ({ kind }) => void (kind === "status" && news.push(access.status().caution)),
    );
    demo.begin({ atMs: demo.sim.nowMs, kind: "crash", who: MANAGER, when: "now", downMs: SECOND });
    for (let second = 0; second < 60; second++) {
      demo.advance(SECOND);
      access.look();
    }
    expect(news).toEqual([expect.stringContaining("settling"), ""]);
  });

  test("observations are as old by our clock as they are by the manager's", async () => {
    const { demo, access } = opened();
    // The node that the story took away is back by then.
    demo.advance(150 * SECOND);
    const ages = [...access.observations().values()].map(({ seenMonoMs }) => performance.now() - seenMonoMs);
    expect(ages).toHaveLength(3);
    expect(ages.every((ageMs) => ageMs >= 0 && ageMs < 5 * SECOND)).toBe(true);
  });
});
