// The painter on a blessed screen in memory: what it puts into the cells, and when it draws nothing.
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { Painter } from "../../src/tui/painter.ts";
import { textOfCells } from "../../src/tui/snapshot.ts";
import { openScreen, type Terminal } from "../../src/tui/terminal/screen.ts";
import { compose } from "../../src/tui/views/compose.ts";
import { Play } from "./play.ts";
import { largeCluster, metrics, smallCluster } from "./records.ts";

// A busy machine is slow; a wait that is over sooner costs nothing.
setDefaultTimeout(60_000);

class FakeStdout extends EventEmitter {
  columns: number;
  rows: number;
  text = "";
  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }
  write(text: string): void {
    this.text += text;
  }
}

let opened: Terminal | undefined;
afterEach(() => opened?.screen.destroy());

function open(play: Play): { terminal: Terminal; painter: Painter; stdout: FakeStdout; cells: () => string } {
  const stdout = new FakeStdout(play.model.cols, play.model.rows);
  const terminal = openScreen({
    env: { TERM: "xterm-256color" },
    stdin: new PassThrough() as never,
    stdout,
    fd: undefined,
    abilities: { colour: true, unicode: true },
  });
  opened = terminal;
  const painter = new Painter(terminal, () => ({ frame: compose(play.model), theme: play.model.theme }));
  return { terminal, painter, stdout, cells: () => textOfCells(terminal.screen.lines as never) };
}

/** The rows without the regions that a chart draws into. */
const rowsOf = (text: string): string[] => text.split("\n");

describe("painter", () => {
  test("puts every line of the views into the cells of the screen", () => {
    const play = new Play(smallCluster(), { cols: 80, rows: 24 });
    const { painter, cells } = open(play);
    painter.paint(true);
    expect(rowsOf(cells()).slice(0, 24)).toEqual(play.screen().map((line) => line.trimEnd()));
  });

  test("draws nothing when nothing changed", () => {
    const play = new Play(smallCluster(), { cols: 120, rows: 40 });
    const { painter, stdout } = open(play);
    painter.paint(true);
    const before = { frames: painter.frames, text: stdout.text };
    play.tell({ kind: "tick" });
    painter.paint(true);
    painter.paint(true);
    expect({ frames: painter.frames, text: stdout.text }).toEqual(before);
  });

  test("draws an overlay above panes and charts, and takes it away again", () => {
    const play = new Play(smallCluster(), { cols: 200, rows: 50 });
    const { painter, cells } = open(play);
    painter.paint(true);
    const before = cells();
    expect(before).toMatch(/[⠀-⣿]/);
    play.press("?");
    painter.paint(true);
    expect(rowsOf(cells()).slice(0, 50)).toEqual(play.screen().map((line) => line.trimEnd()));
    play.press("?");
    painter.paint(true);
    expect(cells()).toBe(before);
  });

  test("follows a resize from large to tiny and back, charts too", async () => {
    const play = new Play(smallCluster(), { cols: 200, rows: 50 });
    const { painter, cells, stdout, terminal } = open(play);
    painter.paint(true);
    const large = cells();
    for (const [cols, rows] of [
      [120, 40],
      [30, 8],
      [10, 3],
      [80, 60],
      [200, 50],
    ] as const) {
      stdout.columns = cols;
      stdout.rows = rows;
      const resized = new Promise<void>((resolve) => terminal.screen.on("resize", resolve));
      stdout.emit("resize");
      await resized;
      play.tell({ kind: "resize", cols, rows });
      painter.paint(true);
      expect(rowsOf(cells())[0]).toBe(play.screen()[0]?.trimEnd() ?? "");
    }
    expect(cells()).toBe(large);
  });

  test("gathers many changes into few frames", async () => {
    const play = new Play(smallCluster(), { cols: 200, rows: 50 });
    const { painter, terminal } = open(play);
    painter.paint(true);
    const drawn = painter.frames;
    for (let i = 0; i < 200; i++) {
      play.items([{ kind: "metrics", metrics: [metrics({ cpuMillis: i * 20 })] }]);
      painter.paint(false);
    }
    expect(painter.frames - drawn).toBeLessThan(5);
    // The last change still comes, by itself.
    const wanted = `${Math.round(((199 * 20 + 3500 + 90) * 100) / 12_000)}%`;
    while (!textOfCells(terminal.screen.lines as never).includes(`Cluster CPU ${wanted}`)) await Bun.sleep(5);
  });

  test("draws nothing while the last frame has not left, and then the newest", () => {
    const play = new Play(largeCluster(100), { cols: 80, rows: 24 });
    const { painter, terminal, cells } = open(play);
    painter.paint(true);
    const frames = painter.frames;
    terminal.out.blocked = true;
    for (let i = 0; i < 10; i++) {
      play.press("j");
      painter.paint(true);
    }
    expect(painter.frames).toBe(frames);
    terminal.out.blocked = false;
    terminal.out.emit("drain");
    expect([painter.frames, rowsOf(cells()).slice(0, 24)]).toEqual([
      frames + 1,
      play.screen().map((line) => line.trimEnd()),
    ]);
  });
});
