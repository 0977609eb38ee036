import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutColour } from "../../../src/tui/terminal/colour.ts";
import { Out } from "../../../src/tui/terminal/out.ts";

let dir = "";
let reader = -1;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cube-out-"));
  Bun.spawnSync(["mkfifo", join(dir, "pipe")]);
  reader = openSync(join(dir, "pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
});
afterEach(() => {
  closeSync(reader);
  rmSync(dir, { recursive: true });
});

const stream = { columns: 80, rows: 24, on: () => undefined, off: () => undefined, write: () => undefined };

/** An output on one end of a pipe that is read only when the test says so. */
function open(more: { monochrome?: boolean; synchronised?: boolean } = {}): Out {
  const fd = openSync(join(dir, "pipe"), constants.O_WRONLY | constants.O_NONBLOCK);
  return new Out({ stream, fd, monochrome: false, synchronised: false, ...more });
}

function readAll(): string {
  const chunk = Buffer.alloc(1 << 20);
  let text = "";
  for (;;) {
    try {
      const n = readSync(reader, chunk);
      if (n === 0) return text;
      text += chunk.toString("utf8", 0, n);
    } catch {
      return text;
    }
  }
}

describe("out", () => {
  test("writes what fits at once", () => {
    const out = open();
    expect([out.write("hello"), readAll()]).toEqual([true, "hello"]);
    out.lastWords("");
  });

  test("keeps the rest while nobody reads, and delivers all of it in order later", async () => {
    const out = open();
    const frames = Array.from({ length: 40 }, (_, i) => `${i}:${"x".repeat(10_000)};`);
    for (const frame of frames) out.write(frame);
    expect(out.blocked).toBe(true);
    const drained = new Promise<void>((resolve) => out.once("drain", resolve));
    let text = "";
    const timer = setInterval(() => {
      text += readAll();
    }, 5);
    await drained;
    clearInterval(timer);
    text += readAll();
    expect(text === frames.join("")).toBe(true);
    out.lastWords("");
  });

  test("says its last words without waiting, and says whether they arrived", () => {
    const out = open();
    expect([out.lastWords("bye"), readAll()]).toEqual([true, "bye"]);
    const stuck = open();
    stuck.write("x".repeat(1 << 20));
    expect(stuck.lastWords("bye")).toBe(false);
  });

  test("marks a long frame as synchronised and a short one not", () => {
    const out = open({ synchronised: true });
    out.write("short");
    out.write("y".repeat(100));
    expect(readAll()).toBe(`short\x1b[?2026h${"y".repeat(100)}\x1b[?2026l`);
    out.lastWords("");
  });

  test("draws nothing while paused, but lets another program through", () => {
    const out = open();
    out.paused = true;
    out.write("frame");
    out.raw("shell");
    expect(readAll()).toBe("shell");
    out.lastWords("");
  });
});

describe("colour", () => {
  test("takes colours out and keeps bold and inverse", () => {
    expect(withoutColour("\x1b[1;38;5;196;7mx\x1b[38;2;1;2;3my\x1b[31;44mz\x1b[0m\x1b[m")).toBe(
      "\x1b[1;7mxyz\x1b[0m\x1b[m",
    );
  });
});
