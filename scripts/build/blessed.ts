// Makes blessed compilable. It requires its widgets by computed names, refers to its own folder on the build machine,
// and mentions two terminal packages that nobody installs. Terminal descriptions are embedded by src/tui, not here.
import { readFileSync } from "node:fs";
import type { BunPlugin } from "bun";
import { knownPackage } from "./known-package.ts";

const CLASS_LIST = /widget\.classes = \[([\s\S]*?)\];/;
const REQUIRE_LOOP = /widget\.classes\.forEach\(function\(name\) \{[\s\S]*?\n\}\);/;

/** Rewrites blessed's computed requires and folder names to literals; term.js and pty.js become errors when used. */
export function literalBlessed(): BunPlugin {
  return {
    name: "blessed",
    setup(build) {
      build.onLoad({ filter: /[\\/]blessed[\\/]lib[\\/]widget\.js$/ }, ({ path }) => ({
        loader: "js",
        contents: withLiteralWidgets(readKnown(path)),
      }));
      // Otherwise the executable only works where the build machine's node_modules exist.
      build.onLoad({ filter: /[\\/]blessed[\\/]lib[\\/](tput|widgets[\\/]bigtext)\.js$/ }, ({ path }) => ({
        loader: "js",
        contents: readKnown(path).replaceAll("__dirname", "'/blessed/lib'"),
      }));
      build.onResolve({ filter: /^(term|pty)\.js$/ }, ({ path }) => ({ path, namespace: "absent" }));
      build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
        loader: "js",
        contents: `throw new Error("${path} is not part of this program");`,
      }));
    },
  };
}

function readKnown(path: string): string {
  knownPackage(path, "blessed", "0.1.81");
  return readFileSync(path, "utf8");
}

function withLiteralWidgets(source: string): string {
  const list = CLASS_LIST.exec(source)?.[1];
  if (list === undefined || !REQUIRE_LOOP.test(source)) {
    throw new Error("blessed/lib/widget.js has not the two parts that scripts/build/blessed.ts rewrites");
  }
  const names = [...list.matchAll(/'(\w+)'/g)].map((match) => match[1] ?? "");
  return source.replace(REQUIRE_LOOP, () => names.map(literalRequire).join("\n"));
}

function literalRequire(name: string): string {
  const file = name.toLowerCase();
  return `widget.${name} = widget.${file} = require('./widgets/${file}');`;
}
