import { expect, test } from "bun:test";
import { codeOnly, importsOf } from "./source-text.ts";

test("source text: every way to name another module is seen, and whether it is for types alone", () => {
  const source = `
    import type { A } from "./a.ts";
    import { b, type B } from './b.ts';
    import "./c.ts";
    export * from "./d.ts";
    export type { E } from "./e.ts";
    const f = await import("./f.ts");
    type G = import("./g.ts").G;
    const h = require("./h.ts");
    // import "./not-this.ts";
    /* import "./nor-this.ts"; */
  `;
  expect(importsOf(source)).toEqual([
    { specifier: "./a.ts", typeOnly: true },
    { specifier: "./b.ts", typeOnly: false },
    { specifier: "./c.ts", typeOnly: false },
    { specifier: "./d.ts", typeOnly: false },
    { specifier: "./e.ts", typeOnly: true },
    { specifier: "./f.ts", typeOnly: false },
    { specifier: "./g.ts", typeOnly: false },
    { specifier: "./h.ts", typeOnly: false },
  ]);
});

test("source text: code in a template's expression is code, text in strings, patterns and comments is not", () => {
  const source = [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text with a template in it
    "const a = `no ${yes(`no ${{ yes: 1 }.yes} no`)} no`; // no",
    "const b = 'no \\' no' + \"// no\" + yes / 2 / yes;",
    'const c = /no " [/] no/.test(yes); /* no',
    "no */ const d = yes;",
  ].join("\n");
  expect(codeOnly(source)).toBe(
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: source text with a template in it
      "const a = `${yes(`${{ yes: 1 }.yes}`)}`; ",
      "const b =  +  + yes / 2 / yes;",
      "const c = .test(yes); ",
      " const d = yes;",
    ].join("\n"),
  );
});
