/**
 * The charts of blessed-contrib made to behave: attached only where there is room (a canvas of a few cells throws), given a new canvas when their size changes,
 * and set only when their figures do. The only file that knows blessed-contrib.
 */

import line from "blessed-contrib/lib/widget/charts/line.js";
import donut from "blessed-contrib/lib/widget/donut.js";
import gauge from "blessed-contrib/lib/widget/gauge.js";
import type { ChartId, Rect } from "../layout.ts";
import { type ChartColours, chartColours, type ThemeName } from "../theme.ts";
import type { Chart } from "../views/compose.ts";
import type { BlessedScreen } from "./screen.ts";

/** A canvas widget of blessed-contrib, as far as it is used. */
export type ChartWidget = {
  top: number;
  left: number;
  width: number;
  height: number;
  options: Record<string, unknown>;
  canvasSize: { width: number; height: number };
  calcSize(): void;
  setData(data: unknown): void;
  detach(): void;
};

/** Least size in which each chart can draw itself, in cells. */
const LEAST: Readonly<Record<ChartId, { readonly width: number; readonly height: number }>> = {
  gauge: { width: 14, height: 5 },
  donut: { width: 14, height: 7 },
  history: { width: 30, height: 8 },
};

/** Warn and trouble, in percent. */
const WARN_FROM = 60;
const BAD_FROM = 85;

type Held = { readonly widget: ChartWidget; readonly shape: string; figures: string };

/** Draws charts on a screen, one of each kind. */
export class Charts {
  readonly #held = new Map<ChartId, Held>();
  readonly #screen: BlessedScreen;

  constructor(screen: BlessedScreen) {
    this.#screen = screen;
  }

  /** Shows exactly these charts; true if anything has to be drawn. */
  show(charts: readonly Chart[], theme: ThemeName): boolean {
    const wanted = charts.filter((chart) => fits(chart.id, chart.rect));
    let changed = false;
    for (const id of [...this.#held.keys()]) {
      if (!wanted.some((chart) => chart.id === id)) changed = this.#drop(id) || changed;
    }
    for (const chart of wanted) changed = this.#put(chart, theme) || changed;
    return changed;
  }

  #drop(id: ChartId): boolean {
    this.#held.get(id)?.widget.detach();
    return this.#held.delete(id);
  }

  /** A chart of another size or theme is made anew: contrib's canvases take their size once. */
  #put(chart: Chart, theme: ThemeName): boolean {
    const shape = JSON.stringify([chart.rect, theme]);
    const figures = figuresOf(chart);
    const before = this.#held.get(chart.id);
    if (before !== undefined && before.shape === shape && before.figures === figures) return false;
    if (before !== undefined && before.shape !== shape) this.#drop(chart.id);
    const held = this.#held.get(chart.id) ?? this.#make(chart, { theme, shape });
    held.figures = figures;
    try {
      fill(held.widget, chart, chartColours(theme));
    } catch (error) {
      // A chart is an ornament: a fault of the library must cost the picture, not the manager in this process.
      console.error(`chart ${chart.id}:`, error);
      held.widget.detach();
    }
    return true;
  }

  #make(chart: Chart, look: { readonly theme: ThemeName; readonly shape: string }): Held {
    const { x, y, width, height } = chart.rect;
    const widget = MAKERS[chart.id]({ left: x, top: y, width, height }, chartColours(look.theme));
    const canvas = CANVAS[chart.id];
    if (canvas !== undefined) {
      widget.calcSize = () => {
        widget.canvasSize = canvas(widget);
      };
    }
    this.#screen.append(widget);
    const held: Held = { widget, shape: look.shape, figures: "" };
    this.#held.set(chart.id, held);
    return held;
  }
}

function fits(id: ChartId, rect: Rect): boolean {
  return rect.width >= LEAST[id].width && rect.height >= LEAST[id].height;
}

/** What is drawn, rounded: a change nobody could see draws nothing. */
function figuresOf(chart: Chart): string {
  const series = chart.series.map((each) => [each.name, each.values.map((value) => Math.round(value))]);
  return JSON.stringify([Math.round(chart.percent), series]);
}

type Place = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };

const MAKERS: Readonly<Record<ChartId, (place: Place, colours: ChartColours) => ChartWidget>> = {
  gauge: (place, colours) => gauge({ ...place, stroke: colours.good, fill: colours.text, showLabel: false }),
  donut: (place, colours) =>
    donut({
      ...place,
      radius: Math.max(6, Math.min(place.height * 2 - 4, place.width - 6)),
      arcWidth: 3,
      yPadding: 0,
      remainColor: colours.text,
    }),
  history: (place, colours) =>
    line({
      ...place,
      minY: 0,
      maxY: 100,
      numYLabels: 4,
      wholeNumbersOnly: true,
      xPadding: 8,
      showLegend: false,
      style: { text: colours.text, baseline: colours.text },
    }),
};

/** contrib's charts leave a margin for a border of their own; these have none, and use every cell. */
const CANVAS: Readonly<Record<ChartId, ((widget: ChartWidget) => { width: number; height: number }) | undefined>> = {
  gauge: undefined,
  donut: (widget) => ({ width: widget.width * 2, height: widget.height * 4 }),
  history: (widget) => ({ width: widget.width * 2 - 2, height: widget.height * 4 }),
};

/** Colour of a share: good, a warning, or trouble. */
const colourOf = (percent: number, colours: ChartColours): string =>
  percent >= BAD_FROM ? colours.bad : percent >= WARN_FROM ? colours.warn : colours.good;

function fill(widget: ChartWidget, chart: Chart, colours: ChartColours): void {
  const colour = colourOf(chart.percent, colours);
  // contrib takes what is below 1.001 for a fraction, so half a percent would be drawn as half the bar.
  const percent = Math.max(2, Math.round(chart.percent));
  if (chart.id === "gauge") {
    widget.options.stroke = colour;
    widget.setData(percent);
  } else if (chart.id === "donut") {
    widget.setData([{ percent, label: chart.label, color: colour }]);
  } else {
    widget.setData(linesOf(chart, colours));
  }
}

/** Samples in the chart, about one a second. */
const SAMPLES = 60;

/** One line a node over the same samples; the chart widens to what there is, so that nothing has to be made up. */
function linesOf(chart: Chart, colours: ChartColours): unknown {
  const series = chart.series.slice(0, colours.lines.length);
  const count = Math.max(2, Math.min(SAMPLES, ...series.map((each) => Math.max(2, each.values.length))));
  const x = Array.from({ length: count }, (_, n) => `-${count - n}s`);
  const lines = series
    .filter((each) => each.values.length >= 2)
    .map((each, i) => ({ title: each.name, x, y: each.values.slice(-count), style: { line: colours.lines[i] } }));
  return lines;
}
