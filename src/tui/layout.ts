/**
 * Where every pane is, from nothing but the size of the terminal, the zoom and the focus. Pure. Panes never overlap and fill the screen; what does not fit is
 * left out, never squeezed.
 */

/** Panes that can have the focus, in the order of their digits. */
export const PANES = ["tasks", "nodes", "scores", "events"] as const;
export type PaneId = (typeof PANES)[number];

/** Charts: shown where there is room, never focused. */
export type ChartId = "gauge" | "donut" | "history";

export type RegionId = PaneId | ChartId | "header" | "footer" | "body";

/** A rectangle in cells; the top left cell is 0, 0. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What is shown where. `body` is everything between header and footer: overlays and logs use it. */
export interface Layout {
  readonly kind: "tiny" | "one-pane" | "small" | "medium" | "large" | "portrait";
  readonly regions: Readonly<Partial<Record<RegionId, Rect>>>;
}

/** Below this there is room for one line that says so. */
export const TINY = { cols: 20, rows: 6 } as const;

/** Below this only the pane in focus is shown, the tasks at first. */
const SMALL = { cols: 60, rows: 16 } as const;

const MEDIUM = { cols: 110, rows: 34 } as const;
const LARGE = { cols: 160, rows: 44 } as const;
const PORTRAIT = { maxCols: 84, minRows: 46 } as const;

type Size = { readonly cols: number; readonly rows: number };

const atLeast = (size: Size, least: Size): boolean => size.cols >= least.cols && size.rows >= least.rows;

/** The layout for a terminal of that size; a zoomed pane has the whole body. */
export function layout(at: Size & { readonly zoom: boolean; readonly focus: PaneId }): Layout {
  const { cols, rows } = at;
  if (!atLeast(at, TINY)) return { kind: "tiny", regions: { body: { x: 0, y: 0, width: cols, height: rows } } };
  const body: Rect = { x: 0, y: 1, width: cols, height: rows - 2 };
  const frame = {
    header: { x: 0, y: 0, width: cols, height: 1 },
    footer: { x: 0, y: rows - 1, width: cols, height: 1 },
    body,
  };
  const kind = kindOf(at);
  const panes = at.zoom || kind === "one-pane" ? { [at.focus]: body } : PARTS[kind](body);
  return { kind, regions: { ...frame, ...panes } };
}

function kindOf(size: Size): Exclude<Layout["kind"], "tiny"> {
  if (!atLeast(size, SMALL)) return "one-pane";
  if (size.cols <= PORTRAIT.maxCols && size.rows >= PORTRAIT.minRows) return "portrait";
  if (atLeast(size, LARGE)) return "large";
  return atLeast(size, MEDIUM) ? "medium" : "small";
}

type Panes = Partial<Record<PaneId | ChartId, Rect>>;

const PARTS: Readonly<Record<Exclude<Layout["kind"], "tiny" | "one-pane">, (body: Rect) => Panes>> = {
  small,
  medium,
  large,
  portrait,
};

/** Splits a rectangle into columns of the given widths; the last one takes what is left. */
function columns(rect: Rect, widths: readonly number[]): Rect[] {
  let x = rect.x;
  return [...widths, rect.width - widths.reduce((a, b) => a + b, 0)].map((width) => {
    const part = { ...rect, x, width };
    x += width;
    return part;
  });
}

/** Splits a rectangle into rows of the given heights; the last one takes what is left. */
function stack(rect: Rect, heights: readonly number[]): Rect[] {
  let y = rect.y;
  return [...heights, rect.height - heights.reduce((a, b) => a + b, 0)].map((height) => {
    const part = { ...rect, y, height };
    y += height;
    return part;
  });
}

const share = (whole: number, part: number, least: number): number => Math.max(least, Math.round(whole * part));

function small(body: Rect): Panes {
  const events = share(body.height, 0.22, 5);
  const [top, eventsRect] = stack(body, [body.height - events]) as [Rect, Rect];
  const right = Math.min(64, share(body.width, 0.375, 26));
  const [tasks, side] = columns(top, [body.width - right]) as [Rect, Rect];
  const [nodes, scores] = stack(side, [share(top.height, 0.41, 5)]) as [Rect, Rect];
  return { tasks, nodes, scores, events: eventsRect };
}

function medium(body: Rect): Panes {
  const events = share(body.height, 0.236, 7);
  const [top, eventsRect] = stack(body, [body.height - events]) as [Rect, Rect];
  const [tasks, side] = columns(top, [body.width - share(body.width, 0.367, 42)]) as [Rect, Rect];
  const [nodes, gauge, scores] = stack(side, [share(top.height, 0.28, 8), 7]) as [Rect, Rect, Rect];
  return { tasks, nodes, gauge, scores, events: eventsRect };
}

function large(body: Rect): Panes {
  const events = share(body.height, 0.25, 10);
  const [top, eventsRect] = stack(body, [body.height - events]) as [Rect, Rect];
  const [tasks, side] = columns(top, [body.width - share(body.width, 0.42, 76)]) as [Rect, Rect];
  const third = Math.max(11, Math.round(top.height / 3));
  const [first, second, scores] = stack(side, [third, third]) as [Rect, Rect, Rect];
  const [nodes, donut] = columns(first, [side.width - 30]) as [Rect, Rect];
  const [history, gauge] = columns(second, [side.width - 30]) as [Rect, Rect];
  return { tasks, nodes, donut, history, gauge, scores, events: eventsRect };
}

function portrait(body: Rect): Panes {
  const [tasks, nodes, scores, events] = stack(body, [
    Math.round(body.height * 0.4),
    Math.round(body.height * 0.18),
    Math.round(body.height * 0.22),
  ]) as [Rect, Rect, Rect, Rect];
  return { tasks, nodes, scores, events };
}

/** What is inside the border of a pane. */
export function inner(rect: Rect): Rect {
  return {
    x: rect.x + 1,
    y: rect.y + 1,
    width: Math.max(0, rect.width - 2),
    height: Math.max(0, rect.height - 2),
  };
}

/** A rectangle in the middle of another one, at most as large as it. */
export function centred(body: Rect, wanted: { readonly width: number; readonly height: number }): Rect {
  const width = Math.min(body.width, wanted.width);
  const height = Math.min(body.height, wanted.height);
  return {
    x: body.x + Math.floor((body.width - width) / 2),
    y: body.y + Math.floor((body.height - height) / 2),
    width,
    height,
  };
}
