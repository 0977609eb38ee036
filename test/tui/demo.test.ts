import { describe, expect, test } from "bun:test";
import type { DemoState } from "../../src/tui/demo.ts";
import { bindingsOf, DEMO_KEYMAP, KEYMAP } from "../../src/tui/keymap.ts";
import { DEMO_KEYS } from "../../src/tui/keys/demo-keys.ts";
import { Play } from "./play.ts";
import { smallCluster } from "./records.ts";

const HOUR = 3_600_000;
const CALM: DemoState = { speed: 10, held: false, background: true, leaping: "", aheadMs: 0 };

function demo(state: Partial<DemoState> = {}): Play {
  return new Play(smallCluster(), { demo: { ...CALM, ...state } });
}

describe("tui: demo", () => {
  test("gives no key two meanings in one place, and takes its keys from those that had them", () => {
    const places = DEMO_KEYMAP.flatMap(({ keys, where }) =>
      where.flatMap((context) => keys.map((key) => `${context} ${key}`)),
    );
    expect(places.filter((place, at) => places.indexOf(place) !== at)).toEqual([]);
    expect(DEMO_KEYMAP.find(({ action }) => action === "zoom")?.keys).toEqual(["z"]);
    expect(DEMO_KEYMAP.some(({ action }) => action === "stop-manager")).toBe(false);
  });

  test("a real cluster has none of its keys, in no place, no footer and no help", () => {
    const own = DEMO_KEYS.map(({ action }) => action).filter(
      (action) => !["leave", "close", "interrupt"].includes(action),
    );
    expect(KEYMAP.filter(({ action }) => own.includes(action))).toEqual([]);
    const real = new Play(smallCluster()).press("F", "+", "-", "P");
    expect(real.effects.filter(({ kind }) => kind === "demo")).toEqual([]);
    expect(real.press("?").text()).not.toContain("break something");
    expect(bindingsOf({ context: "faults", readOnly: false })).toEqual([]);
  });

  test("the header says that it is a demo and how fast it is, held or asleep", () => {
    expect(demo().text()).toContain("CUBE DEMO  10×");
    expect(demo({ held: true }).text()).toContain("CUBE DEMO  held");
    expect(demo({ leaping: "asleep, 7 min to go" }).text()).toContain("CUBE DEMO  asleep, 7 min to go");
    expect(new Play(smallCluster()).text()).not.toContain("DEMO");
  });

  test("keys ask for another speed, for a halt and for the menu", () => {
    const play = demo().press("+", "-", "P");
    expect(play.effects).toEqual([
      { kind: "demo", command: { kind: "faster" } },
      { kind: "demo", command: { kind: "slower" } },
      { kind: "demo", command: { kind: "hold" } },
    ]);
  });

  test("the menu names what it is about, and a key in it breaks just that and closes it", () => {
    const play = demo().press("g", "F");
    const { taskId, shown } = play.model;
    const task = shown.tasks.get(taskId);
    expect(play.text()).toContain(`Task ${task?.name}`);
    expect(play.text()).toContain(`Node ${task?.nodeName}`);
    play.effects = [];
    play.press("x");
    expect(play.effects).toEqual([
      { kind: "demo", command: { kind: "fault", fault: "cut", taskId, nodeId: task?.nodeId ?? "" } },
    ]);
    expect(play.model.overlay).toBeUndefined();
  });

  test("from the nodes the menu is about the selected node, and Escape breaks nothing", () => {
    const play = demo().press("2", "F");
    expect(play.text()).toContain(`Node ${play.model.nodes[0]?.name}`);
    play.effects = [];
    expect(play.press("escape").model.overlay).toBeUndefined();
    expect(play.effects).toEqual([]);
  });

  test("what cannot be broken says why", () => {
    const play = demo().press("/", "type:report", "enter", "F");
    expect(play.text()).toContain("kill: report does not run");
    play.effects = [];
    expect(play.press("k").footer()).toContain("report does not run");
    expect(play.effects).toEqual([]);
  });

  test("ages are by the cluster's clock, while lines in the footer stay as long as ever", () => {
    const now = demo();
    const later = demo({ aheadMs: 5 * HOUR });
    expect(later.text()).not.toBe(now.text());
    later.tell({ kind: "done", text: "it is done" });
    expect(later.after(1_000).footer()).toContain("it is done");
    expect(later.after(4_000).footer()).not.toContain("it is done");
  });
});
