import { describe, expect, test } from "bun:test";
import type { Effect } from "../../src/tui/state/ui.ts";
import { compose } from "../../src/tui/views/compose.ts";
import { lineWidth } from "../../src/tui/views/lines.ts";
import { Play } from "./play.ts";
import { emptyCluster, event, hostileCluster, largeCluster, smallCluster, task } from "./records.ts";

const calls = (play: Play): Effect[] => play.effects.filter((effect) => effect.kind === "call");
const selected = (play: Play): string | undefined => play.model.shown.tasks.get(play.model.taskId)?.name;

describe("model", () => {
  test("moves through the tasks and stays within them", () => {
    const play = new Play(smallCluster());
    const seen = [["j"], ["j", "k", "k"], ["G"], ["j"], ["g"]].map((keys) => selected(play.press(...keys)));
    expect(seen).toEqual(["db", "cache", "worker", "worker", "cache"]);
  });

  test("keeps the selection on its task when rows come and go, and on the slot when a new attempt takes it", () => {
    const play = new Play(smallCluster()).press("G");
    play.items([{ kind: "event", event: event({ task: task({ id: "new", name: "aaa", jobId: "job-aaa" }) }) }]);
    expect([selected(play), play.model.places.tasks.index]).toEqual(["worker", 8]);
    const next = task({ id: "task-worker-2", jobId: "job-worker", service: "worker", name: "worker", attempt: 2 });
    expect(play.items([{ kind: "event", event: event({ task: next }) }]).model.taskId).toBe("task-worker-2");
  });

  test("asks for the decision of the selected task once, if it is not known", () => {
    const play = new Play(smallCluster()).press("g");
    const asked = (): Effect[] => play.effects.filter((effect) => effect.kind === "decision");
    expect(asked()).toEqual([]);
    play.press("G");
    play.after(1000).after(1000);
    expect(asked()).toEqual([{ kind: "decision", taskId: "task-worker" }]);
  });

  test("stops only after y, and Enter on Cancel does not", () => {
    const play = new Play(smallCluster()).press("x", "enter");
    expect([play.model.dialog, calls(play)]).toEqual([undefined, []]);
    play.press("x", "y");
    expect(calls(play)).toEqual([{ kind: "call", verb: "stop", refs: ["job-cache"], done: "stopping cache" }]);
  });

  test("stops by the button as well, once that has the focus", () => {
    expect(calls(new Play(smallCluster()).press("x", "tab", "enter"))).toHaveLength(1);
  });

  test("asks for the number when several are marked, and y alone does nothing", () => {
    const play = new Play(smallCluster()).press("space", "space", "D");
    expect(play.text()).toContain("Delete 2 tasks?");
    play.press("y", "enter");
    expect(calls(play)).toEqual([]);
    play.press("D", "type:2", "enter");
    expect(calls(play)).toEqual([
      { kind: "call", verb: "remove", refs: ["job-cache", "job-db"], done: "deleting 2 tasks" },
    ]);
    expect(play.model.marks.size).toBe(0);
  });

  test("restarts the task itself and starts an ended one's job", () => {
    const play = new Play(smallCluster()).press("r", "y", "/", "type:report", "enter", "s");
    expect(calls(play)).toEqual([
      { kind: "call", verb: "restart", refs: ["task-cache"], done: "restarting cache" },
      { kind: "call", verb: "start", refs: ["job-report"], done: "starting report" },
    ]);
  });

  test("filters as one types, counts what is left, and Escape takes it back", () => {
    const play = new Play(smallCluster()).press("/", "type:node-b");
    expect(play.footer()).toContain("2/8 tasks");
    play.press("escape");
    expect([play.model.filter, play.model.tasks.length]).toEqual(["", 8]);
    play.press("/", "type:node-b", "enter", "escape");
    expect(play.model.tasks).toHaveLength(8);
  });

  test("runs the command line, completes it, and says what it does not know", () => {
    const play = new Play(smallCluster()).press(":", "type:so", "tab", "type:c", "tab", "enter");
    expect(play.model.sort).toEqual({ by: "cpu", reverse: false });
    expect(play.press(":", "type:node node-b", "enter").model.filter).toBe("node:node-b");
    expect(play.press(":", "type:frobnicate", "enter").footer()).toContain("no command :frobnicate");
    expect(play.press(":", "type:theme mono", "enter").model.theme).toBe("mono");
    expect(play.press(":", "type:q", "enter").effects.at(-1)).toEqual({ kind: "quit", mode: "leave" });
  });

  test("shows an error in the footer with its code for eight seconds and keeps it in the list", () => {
    const play = new Play(smallCluster()).tell({
      kind: "failed",
      error: { atMs: 0, code: "conflict", message: "the name is taken", hint: "" },
    });
    expect(play.footer()).toContain("error: [conflict] the name is taken");
    expect(play.model.overlay).toBeUndefined();
    expect(play.after(8001).footer()).not.toContain("conflict");
    expect(play.press(":", "type:errors", "enter").text()).toContain("the name is taken");
  });

  test("holds the display still while paused and shows what happened meanwhile afterwards", () => {
    const play = new Play(smallCluster()).press("p");
    play.items([
      {
        kind: "event",
        event: event({
          task: task({ id: "task-cache", jobId: "job-cache", service: "cache", name: "cache", state: "failed" }),
        }),
      },
    ]);
    expect([play.model.tasks[0]?.state, play.text().includes("PAUSED")]).toEqual(["running", true]);
    expect(play.press("p").model.tasks[0]?.state).toBe("failed");
  });

  test("opens a log, follows it, searches it and comes back", () => {
    const play = new Play(smallCluster()).press("l");
    expect(play.effects.at(-1)).toEqual({ kind: "logs-open", taskId: "task-cache" });
    play.tell({ kind: "log-lines", taskId: "task-cache", lines: smallCluster().logs ?? [] });
    expect(play.text()).toContain("line 59 of the log");
    play.press("/", "type:needle", "enter");
    expect([play.text().includes("needle in line 30"), play.model.logs?.follow]).toEqual([true, false]);
    expect(play.text()).toContain("1 with needle");
    play.press("f");
    expect(play.text()).toContain("line 59 of the log");
    play.press("q");
    expect([play.model.logs, play.effects.at(-1)]).toEqual([undefined, { kind: "logs-close" }]);
  });

  test("takes no lines of a log that is closed or another's", () => {
    const play = new Play(smallCluster())
      .press("l")
      .tell({ kind: "log-lines", taskId: "task-web", lines: [{ stream: "stdout", atMs: 0, text: "foreign" }] });
    expect(play.text()).not.toContain("foreign");
  });

  test("shows everything about a task, but no value of its variables", () => {
    const text = new Play(smallCluster()).press("j", "enter").text();
    expect(text).toContain("postgres:17");
    expect(text).toContain("MODE TOKEN");
    expect(text).toContain("out of memory");
    expect(text).not.toContain("secret-value");
  });

  test("shows the whole decision, refusals with their filter and reason", () => {
    const text = new Play(smallCluster()).press("j", "w").text();
    expect(text).toMatch(/▸ node-a +1834 +1200 +600 +34/);
    expect(text).toMatch(/✗ node-c +memory +lacks 512 MiB memory/);
  });

  test("says in the scores pane why a task is pending", () => {
    const play = new Play(smallCluster()).press("/", "type:state:pending", "enter");
    expect(play.text()).toContain("3 nodes: 2 lack 512 MiB memory, 1 is");
  });

  test("filters the help by what is typed", () => {
    const play = new Play(smallCluster()).press("?", "type:cordon");
    expect(play.text()).toContain("place no new tasks on the node");
    expect(play.text()).not.toContain("start a new task");
    expect(play.press("?").model.overlay).toBeUndefined();
  });

  test("cordons and uncordons the selected node", () => {
    const play = new Play(smallCluster()).press("2", "c", "j", "j", "u");
    expect(play.effects.filter((effect) => effect.kind === "availability")).toEqual([
      { kind: "availability", nodeId: "node-id-a", availability: "cordoned", done: "node-a takes no new tasks" },
      { kind: "availability", nodeId: "node-id-c", availability: "eligible", done: "node-c takes tasks again" },
    ]);
  });

  test("leaves at once with q, and stops the manager only after a question that says what stops", () => {
    const play = new Play(smallCluster()).press("Q");
    expect(play.text()).toContain("The 4 running tasks stay as they are");
    expect(play.effects).toEqual([]);
    expect(play.press("y").effects).toEqual([{ kind: "quit", mode: "stop" }]);
    expect(new Play(smallCluster()).press("q").effects).toEqual([{ kind: "quit", mode: "leave" }]);
  });

  test("never ignores Ctrl-c: it closes what is open, and twice leaves whatever is open", () => {
    const play = new Play(smallCluster()).press("l", "?", "C-c");
    expect([play.model.overlay, play.effects.some((effect) => effect.kind === "quit")]).toEqual([undefined, false]);
    expect(play.press("C-c").effects.at(-1)).toEqual({ kind: "quit", mode: "leave" });
  });

  test("tells an empty cluster's user what to press next", () => {
    const text = new Play(emptyCluster()).text();
    expect(text).toContain("Nothing runs here yet");
    expect(text).toContain("press a to start a task");
  });

  test("says so while the manager is out of reach, and keeps showing what it knew", () => {
    const play = new Play(smallCluster()).items([{ kind: "down", reason: "connection refused" }]);
    expect(play.screen()[0]).toContain("manager out of reach: connection refused");
    expect(play.text()).toContain("cache");
  });

  test("selects by a click and scrolls by the wheel in the pane under the pointer", () => {
    const play = new Play(largeCluster(200)).tell({ kind: "mouse", mouse: { kind: "press", x: 5, y: 7 } });
    expect(selected(play)).toBe("task-0004");
    play.tell({ kind: "mouse", mouse: { kind: "wheel-down", x: 5, y: 7 } });
    expect(selected(play)).toBe("task-0007");
    play.tell({ kind: "mouse", mouse: { kind: "press", x: 90, y: 3 } });
    expect(play.model.focus).toBe("nodes");
  });

  test("stays quick with 5,000 tasks: a key is handled and drawn well within a frame", () => {
    const play = new Play(largeCluster(5000));
    const begin = performance.now();
    for (let i = 0; i < 50; i++) play.press("j").text();
    expect((performance.now() - begin) / 50).toBeLessThan(50);
  });

  test("never makes a line longer or shorter than its region, whatever the names and the size", () => {
    for (const seed of [smallCluster(), hostileCluster(), emptyCluster()]) {
      for (const [cols, rows] of [
        [80, 24],
        [120, 40],
        [200, 50],
        [61, 17],
        [40, 10],
        [20, 6],
        [80, 60],
        [300, 20],
      ] as const) {
        for (const keys of [[], ["enter"], ["w"], ["?"], ["a"], ["x"], ["l"], ["2", "z"], ["3"], ["4"], ["/"], [":"]]) {
          const { regions } = compose(new Play(seed, { cols, rows }).press(...keys).model);
          const wrong = regions.filter(
            ({ rect, lines }) => lines.length !== rect.height || lines.some((line) => lineWidth(line) !== rect.width),
          );
          expect(wrong.map((region) => `${region.id} at ${cols}x${rows} after ${keys.join(" ")}`)).toEqual([]);
        }
      }
    }
  });
});
