/**
 * Puts a frame into blessed boxes and draws it: at most twenty frames a second, at once after a key, nothing when nothing changed, and nothing while the last
 * frame has not left. Must never create a box for each frame.
 */
import { Charts } from "./terminal/chart-widgets.ts";
import type { Pane, Terminal } from "./terminal/screen.ts";
import { paintLine, type ThemeName } from "./theme.ts";
import type { Frame, Region } from "./views/compose.ts";

/** Least time between two frames that no key asked for, in ms. */
const FRAME_MS = 50;

type Held = { readonly pane: Pane; text: string; place: string; shown: boolean };

/** Draws frames on a terminal. */
export class Painter {
  readonly #held = new Map<string, Held>();
  readonly #charts: Charts;
  readonly #terminal: Terminal;
  readonly #compose: () => { readonly frame: Frame; readonly theme: ThemeName };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = 0;
  #wanted = false;
  #stopped = false;
  /** Frames drawn, for tests and for figures of its own cost. */
  frames = 0;

  constructor(terminal: Terminal, compose: () => { readonly frame: Frame; readonly theme: ThemeName }) {
    this.#terminal = terminal;
    this.#compose = compose;
    this.#charts = new Charts(terminal.screen);
    terminal.out.on("drain", () => {
      if (this.#wanted) this.paint(true);
    });
  }

  /** Asks for a frame: now, or as soon as the rate allows it. */
  paint(now: boolean): void {
    this.#wanted = true;
    const { out } = this.#terminal;
    if (this.#stopped || out.blocked || out.paused) return;
    const waitMs = now ? 0 : this.#lastMs + FRAME_MS - performance.now();
    if (waitMs <= 0) this.#draw();
    else this.#timer ??= setTimeout(() => this.#draw(), waitMs);
  }

  /** Draws everything anew: after another program had the terminal, or when it shows something else than it should. */
  repaint(): void {
    this.#terminal.screen.alloc(true);
    this.#held.forEach((held) => {
      held.text = "";
    });
    this.paint(true);
  }

  /** Nothing is drawn any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stopped || this.#terminal.out.blocked || this.#terminal.out.paused) return;
    this.#wanted = false;
    const { frame, theme } = this.#compose();
    const changed = this.#place(frame, theme);
    if (!changed) return;
    this.#lastMs = performance.now();
    this.frames++;
    this.#terminal.screen.render();
  }

  /** True if any box or chart differs from what it was. */
  #place(frame: Frame, theme: ThemeName): boolean {
    let changed = false;
    for (const region of frame.regions) changed = this.#put(region, theme) || changed;
    changed = this.#charts.show(frame.charts, theme) || changed;
    const ids = new Set(frame.regions.map((region) => region.id));
    for (const [id, held] of this.#held) {
      if (ids.has(id) || !held.shown) continue;
      held.pane.hide();
      held.shown = false;
      changed = true;
    }
    if (changed) this.#raise(frame);
    return changed;
  }

  #put(region: Region, theme: ThemeName): boolean {
    const held = this.#held.get(region.id) ?? this.#make(region.id);
    const painted = region.lines.map((line) => paintLine(line, theme)).join("\n");
    const text = this.#terminal.abilities.unicode ? painted : asciiOf(painted);
    const place = JSON.stringify(region.rect);
    if (held.shown && held.text === text && held.place === place) return false;
    const { pane } = held;
    if (held.place !== place)
      Object.assign(pane, {
        left: region.rect.x,
        top: region.rect.y,
        width: region.rect.width,
        height: region.rect.height,
      });
    pane.setContent(text, true);
    if (!held.shown) pane.show();
    Object.assign(held, { text, place, shown: true });
    return true;
  }

  #make(id: string): Held {
    const held: Held = { pane: this.#terminal.box(), text: "", place: "", shown: false };
    this.#held.set(id, held);
    return held;
  }

  /** Overlays lie above panes and charts, whenever those were made. */
  #raise(frame: Frame): void {
    for (const id of ["logs", "overlay", "dialog"]) {
      if (frame.regions.some((region) => region.id === id)) this.#held.get(id)?.pane.setFront();
    }
  }
}

const ASCII: Readonly<Record<string, string>> = { "…": "~", "·": ".", "→": ">", "–": "-" };

/** The few signs of the views that are not ASCII, for a terminal that shows nothing else; blessed makes `?` of the rest. */
function asciiOf(text: string): string {
  return text.replace(/[…·→–]/g, (sign) => ASCII[sign] ?? "?");
}
