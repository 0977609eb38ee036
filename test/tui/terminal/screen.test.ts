import { describe, expect, test } from "bun:test";
import { abilities, unusable } from "../../../src/tui/terminal/screen.ts";

const both = { stdin: true, stdout: true };

describe("screen", () => {
  test("is refused with one line of advice where it cannot work", () => {
    const whys = [
      unusable({ TERM: "xterm" }, { stdin: false, stdout: true }),
      unusable({ TERM: "xterm" }, { stdin: true, stdout: false }),
      unusable({ TERM: "dumb" }, both),
      unusable({}, both),
    ].map((each) => each?.message.split(";")[0]);
    expect(whys).toEqual([
      "standard input is not a terminal",
      "standard output is not a terminal",
      "TERM=dumb cannot place text on the screen",
      'TERM="" cannot place text on the screen',
    ]);
    expect(unusable({ TERM: "xterm-256color" }, both)).toBeUndefined();
  });

  test("has no colour with NO_COLOR and no Unicode with LANG=C", () => {
    expect(abilities({ NO_COLOR: "1", LANG: "C" })).toEqual({ colour: false, unicode: false });
    expect(abilities({ NO_COLOR: "", LANG: "de_DE.UTF-8" })).toEqual({ colour: true, unicode: true });
    expect(abilities({ LC_ALL: "C", LANG: "de_DE.UTF-8" }).unicode).toBe(false);
    expect(abilities({})).toEqual({ colour: true, unicode: true });
  });
});
