// Plays the UI's machine as a person would: keys and changes in, the state, its effects and its screen out.
import type { WatchItem } from "../../src/client/resources.ts";
import { update } from "../../src/tui/model.ts";
import { begin, type Effect, type Message, type Model } from "../../src/tui/state/ui.ts";
import { safeRecord } from "../../src/tui/terminal/text.ts";
import { compose } from "../../src/tui/views/compose.ts";
import type { Line } from "../../src/tui/views/lines.ts";
import type { Seed } from "./fake-client.ts";
import { manager, START_MS } from "./records.ts";

/** A machine with its effects so far. */
export class Play {
  model: Model;
  effects: Effect[] = [];
  nowMs = START_MS;

  constructor(seed: Seed | undefined, given: Partial<Parameters<typeof begin>[0]> = {}) {
    this.model = begin({
      cols: 120,
      rows: 40,
      nowMs: START_MS,
      zoneMs: 0,
      mode: "in-process",
      readOnly: false,
      unicode: true,
      theme: "dark",
      ...given,
    });
    if (seed !== undefined) this.items([snapshot(seed), { kind: "metrics", metrics: seed.metrics }]);
    if (seed !== undefined) this.tell({ kind: "decisions", decisions: seed.decisions });
    this.effects = [];
  }

  tell(message: Message): this {
    const { model, effects } = update(this.model, message, this.nowMs);
    this.model = model;
    this.effects.push(...effects);
    return this;
  }

  items(items: readonly WatchItem[]): this {
    return this.tell({ kind: "items", items: safeRecord(items) as readonly WatchItem[] });
  }

  /** Presses keys by their names; `type:` types the text behind it. */
  press(...keys: readonly string[]): this {
    for (const key of keys) {
      const typed = key.startsWith("type:") ? [...key.slice(5)] : undefined;
      if (typed === undefined)
        this.tell({ kind: "key", key: { name: key, text: [...key].length === 1 ? key : key === "space" ? " " : "" } });
      for (const sign of typed ?? [])
        this.tell({ kind: "key", key: { name: sign === " " ? "space" : sign, text: sign } });
    }
    return this;
  }

  after(ms: number): this {
    this.nowMs += ms;
    return this.tell({ kind: "tick" });
  }

  /** The screen as text, with what lies on top drawn over what is below. */
  screen(): string[] {
    const rows = Array.from({ length: this.model.rows }, () => Array.from({ length: this.model.cols }, () => " "));
    for (const region of compose(this.model).regions) {
      region.lines.forEach((line, dy) => {
        [...textOf([line])].forEach((sign, dx) => {
          const row = rows[region.rect.y + dy];
          if (row !== undefined) row[region.rect.x + dx] = sign;
        });
      });
    }
    return rows.map((row) => row.join(""));
  }

  text(): string {
    return this.screen().join("\n");
  }

  footer(): string {
    return this.screen().at(-1) ?? "";
  }
}

/** The snapshot of a seed. */
export function snapshot(seed: Seed): WatchItem {
  return {
    kind: "snapshot",
    manager: seed.manager ?? manager(),
    revision: 100,
    jobs: seed.jobs,
    tasks: seed.tasks,
    nodes: seed.nodes,
    events: seed.events,
  };
}

/** The text of lines. */
function textOf(lines: readonly Line[]): string {
  return lines.map((line) => line.map((each) => each.text).join("")).join("\n");
}
