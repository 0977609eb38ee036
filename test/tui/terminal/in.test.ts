import { describe, expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { In } from "../../../src/tui/terminal/in.ts";
import type { Key } from "../../../src/tui/terminal/key-names.ts";

function listen(): {
  stream: PassThrough;
  keys: string[];
  texts: string[];
  pastes: string[];
  mice: unknown[];
  next: () => Promise<Key>;
} {
  const stream = new PassThrough();
  const input = new In(stream as never);
  const seen = { keys: [] as string[], texts: [] as string[], pastes: [] as string[], mice: [] as unknown[] };
  input.on("key", (key) => {
    seen.keys.push(key.name);
    seen.texts.push(key.text);
  });
  input.on("paste", (text) => seen.pastes.push(text));
  input.on("mouse", (mouse) => seen.mice.push(mouse));
  input.start();
  return { stream, ...seen, next: () => new Promise((resolve) => input.once("key", resolve)) };
}

/** Lets the stream deliver what was written. */
const delivered = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe("in", () => {
  test("names letters, capitals, controls, arrows and function keys", async () => {
    const { stream, keys } = listen();
    stream.write("aZ? \r\t\x7f\x04\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1b[Z\x1b[15~");
    await delivered();
    expect(keys).toEqual([
      "a",
      "Z",
      "?",
      "space",
      "enter",
      "tab",
      "backspace",
      "C-d",
      "up",
      "down",
      "pageup",
      "C-right",
      "S-tab",
      "f5",
    ]);
  });

  test("makes one key of an arrow that arrives in three reads", async () => {
    const { stream, keys } = listen();
    for (const part of ["\x1b", "[", "A"]) {
      stream.write(part);
      await delivered();
    }
    expect(keys).toEqual(["up"]);
  });

  test("makes one character of bytes that arrive apart", async () => {
    const { stream, texts } = listen();
    const bytes = Buffer.from("é🚀");
    for (const byte of bytes) {
      stream.write(Buffer.of(byte));
      await delivered();
    }
    expect(texts).toEqual(["é", "🚀"]);
  });

  test("takes a lone Escape for the key once nothing follows", async () => {
    const { stream, next } = listen();
    const key = next();
    stream.write("\x1b");
    expect((await key).name).toBe("escape");
  });

  test("delivers a paste as one text, also when its end mark is split, and no key of it", async () => {
    const { stream, keys, pastes } = listen();
    for (const part of ["\x1b[200~rm -rf\nq\x1b[2", "01", "~x"]) {
      stream.write(part);
      await delivered();
    }
    expect([pastes, keys]).toEqual([["rm -rf\nq"], ["x"]]);
  });

  test("reads presses and the wheel with coordinates beyond column 223, and drops releases", async () => {
    const { stream, mice, keys } = listen();
    stream.write("\x1b[<0;250;7M\x1b[<0;250;7m\x1b[<65;3;4M");
    await delivered();
    expect([mice, keys]).toEqual([
      [
        { kind: "press", x: 249, y: 6 },
        { kind: "wheel-down", x: 2, y: 3 },
      ],
      [],
    ]);
  });

  test("says when the terminal is gone, once it was closed without a signal", async () => {
    const stream = new PassThrough();
    const input = new In(stream as never);
    const gone = new Promise<string>((resolve) => input.once("gone", () => resolve("gone")));
    input.start();
    stream.end();
    expect(await gone).toBe("gone");
  });

  test("takes answers of the terminal for no keys", async () => {
    const { stream, keys } = listen();
    stream.write("\x1b]11;rgb:0000/0000/0000\x1b\\\x1bP1$r0m\x1b\\\x1b[?62;c\x1b[12;40Rj");
    await delivered();
    expect(keys).toEqual(["j"]);
  });
});
