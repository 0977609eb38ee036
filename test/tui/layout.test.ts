import { describe, expect, test } from "bun:test";
import { layout, PANES, type Rect } from "../../src/tui/layout.ts";

const at = (
  cols: number,
  rows: number,
  more: { zoom?: boolean; focus?: "tasks" | "nodes" | "scores" | "events" } = {},
) => layout({ cols, rows, zoom: false, focus: "tasks", ...more });

/** How often each cell is covered by a region that shows something. */
function cover(cols: number, rows: number, regions: Partial<Record<string, Rect>>): number[] {
  const cells = new Array<number>(cols * rows).fill(0);
  for (const [id, rect] of Object.entries(regions)) {
    if (rect === undefined || id === "body") continue;
    for (let y = rect.y; y < rect.y + rect.height; y++)
      for (let x = rect.x; x < rect.x + rect.width; x++) cells[y * cols + x] = (cells[y * cols + x] ?? 0) + 1;
  }
  return cells;
}

describe("layout", () => {
  test("covers every cell exactly once at every size", () => {
    const wrong: string[] = [];
    for (let cols = 20; cols <= 260; cols += 3) {
      for (let rows = 6; rows <= 90; rows += 2) {
        const { regions } = at(cols, rows);
        if (cover(cols, rows, regions).some((count) => count !== 1)) wrong.push(`${cols}x${rows}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("gives tasks 50 columns and the rest its place at 80x24", () => {
    expect(at(80, 24).regions).toMatchObject({
      tasks: { x: 0, y: 1, width: 50, height: 17 },
      nodes: { x: 50, y: 1, width: 30, height: 7 },
      scores: { x: 50, y: 8, width: 30, height: 10 },
      events: { x: 0, y: 18, width: 80, height: 5 },
    });
  });

  test("adds the gauge at 120x40 and every chart at 200x50", () => {
    const medium = at(120, 40).regions;
    const large = at(200, 50).regions;
    expect([medium.gauge !== undefined, medium.donut, medium.history]).toEqual([true, undefined, undefined]);
    expect([large.gauge, large.donut, large.history].map((rect) => rect !== undefined)).toEqual([true, true, true]);
  });

  test("shows only the pane in focus on a small screen and one line on a tiny one", () => {
    expect(Object.keys(at(50, 12).regions).sort()).toEqual(["body", "footer", "header", "tasks"]);
    expect(Object.keys(at(50, 12, { focus: "nodes" }).regions).sort()).toEqual(["body", "footer", "header", "nodes"]);
    expect(at(19, 10).kind).toBe("tiny");
    expect(at(80, 5).kind).toBe("tiny");
  });

  test("stacks everything on a screen that is taller than wide", () => {
    const { kind, regions } = at(80, 60);
    expect(kind).toBe("portrait");
    expect(PANES.map((pane) => regions[pane]?.width)).toEqual([80, 80, 80, 80]);
  });

  test("gives a zoomed pane the whole body and nothing else", () => {
    const { regions } = at(120, 40, { zoom: true, focus: "nodes" });
    expect(regions.nodes).toEqual({ x: 0, y: 1, width: 120, height: 38 });
    expect(regions.tasks).toBeUndefined();
  });
});
