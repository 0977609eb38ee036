// Puts LevelDB's native part inside the executable, and loads it from there.
// Bun would embed the .node file by itself, but it extracts to a fixed name below $TMPDIR and trusts whatever file of
// the right size lies there, and fails where that directory is missing or mounted noexec. The loader here writes to a
// fresh private directory, tries several places, and must never load a file that it has not just written itself.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { knownPackage } from "./known-package.ts";
import type { Target } from "./targets.ts";

/** The prebuilt libraries of classic-level 3.0.0, below its prebuilds/ folder. */
const PREBUILT: Record<Target, string> = {
  "linux-x64": "linux-x64/classic-level.node",
  "linux-x64-musl": "linux-x64/classic-level.musl.node",
  "linux-arm64": "linux-arm64/classic-level.armv8.node",
  "darwin-arm64": "darwin-x64+arm64/classic-level.node",
};

/** Runs in the executable, in the place of classic-level/binding.js. */
const LOADER = `
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const asset = require("cube-native:classic-level");
const library = fs.readFileSync(asset.default ?? asset);

function load(base) {
  const folder = fs.mkdtempSync(path.join(base, ".cube-"));
  try {
    const file = path.join(folder, "classic-level.node");
    fs.writeFileSync(file, library, { mode: 0o500 });
    process.dlopen(module, file);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function loadAnywhere() {
  const refusals = [];
  const bases = [process.env.CUBE_NATIVE_DIR, os.tmpdir(), process.env.XDG_RUNTIME_DIR, "/run", "/dev/shm", process.cwd()];
  for (const base of bases.filter(Boolean)) {
    try {
      return load(base);
    } catch (error) {
      refusals.push(base + ": " + error.message);
    }
  }
  throw new Error(
    "cannot load the storage library; set CUBE_NATIVE_DIR to a writable directory on a file system mounted with exec. Tried " +
      refusals.join("; "),
  );
}

loadAnywhere();
`;

/** Embeds the LevelDB library for `target` and replaces classic-level's search for it. */
export function embedLevelDb(target: Target): BunPlugin {
  return {
    name: "leveldb",
    setup(build) {
      let root = "";
      build.onLoad({ filter: /[\\/]classic-level[\\/]binding\.js$/ }, ({ path }) => {
        root = knownPackage(path, "classic-level", "3.0.0");
        return { loader: "js", contents: LOADER };
      });
      build.onResolve({ filter: /^cube-native:/ }, () => ({ path: "classic-level.bin", namespace: "cube-native" }));
      build.onLoad({ filter: /.*/, namespace: "cube-native" }, () => ({
        loader: "file",
        contents: readFileSync(join(root, "prebuilds", PREBUILT[target])),
      }));
    },
  };
}
