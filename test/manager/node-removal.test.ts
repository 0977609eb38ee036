import { describe, expect, test } from "bun:test";
import { aJobSpec } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

/** n1 and n2 far away, with one job running on either of them. */
function withTask(): { bench: Bench; home: string; link: string; taskId: string } {
  const bench = new Bench();
  bench.hello("n1", "l1", { local: false });
  bench.hello("n2", "l2", { local: false });
  bench.passes(20_000);
  bench.submit(aJobSpec("web"));
  const { id, nodeId } = bench.newest;
  const home = nodeId ?? "";
  const link = home === "n1" ? "l1" : "l2";
  bench.report([fact(id, { state: "running" })], [], link);
  return { bench, home, link, taskId: id };
}

const remove = (bench: Bench, nodeId: string, force = false) => bench.command({ kind: "node.remove", nodeId, force });

describe("manager: removal of a node", () => {
  test("a node that is there stays, and so does one that tasks are bound to", () => {
    const { bench, home, link } = withTask();
    expect(remove(bench, home)).toMatchObject({ ok: false, code: "conflict", message: `${home} is connected` });
    bench.cut(link);
    bench.passes(8_000);
    expect(remove(bench, home)).toMatchObject({
      ok: false,
      message: `1 task is bound to ${home} and may still run there`,
    });
    expect(bench.machine.cluster.nodes.has(home)).toBe(true);
    expect(remove(bench, "n9")).toMatchObject({ ok: false, code: "not_found" });
  });

  test("forced, its tasks are lost and replaced elsewhere at once, and its link is closed", () => {
    const { bench, home, link, taskId } = withTask();
    expect(remove(bench, home, true)).toMatchObject({ ok: true });
    expect([bench.machine.cluster.nodes.has(home), bench.links.has(link)]).toEqual([false, false]);
    expect(bench.machine.observations.has(home)).toBe(false);
    expect(bench.machine.cluster.tasks.get(taskId)).toMatchObject({
      fact: { state: "lost", message: `its node ${home} was removed`, containerId: "" },
    });
    bench.passes(10_000);
    expect(bench.newest).toMatchObject({ attempt: 2, nodeId: home === "n1" ? "n2" : "n1" });
    expect(bench.texts).toContain(`node ${home} is removed`);
  });

  test("nothing waits for a removed node: a job that ran there can be removed", () => {
    const { bench, home } = withTask();
    remove(bench, home, true);
    const [job] = bench.machine.cluster.jobs.keys();
    bench.command({ kind: "job.remove", jobId: job ?? "" });
    bench.passes(10_000);
    const left = bench.tasks.filter((task) => task.nodeId === home);
    expect(left).toEqual([]);
  });

  test("the manager's own worker cannot be removed while it is there, not even by force", () => {
    const bench = new Bench();
    bench.hello();
    expect(remove(bench, "n1", true)).toMatchObject({ ok: false, message: "n1 is the manager's own worker" });
  });
});
