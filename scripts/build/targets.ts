// The platforms that Cube is built for, and which of them this machine is.
import { readdirSync } from "node:fs";

/** Every platform that an executable is made for, in Bun's names without the "bun-" in front. */
export const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "darwin-arm64"] as const;

/** One platform that an executable is made for. */
export type Target = (typeof TARGETS)[number];

/** The target called `name`; throws and lists all of them when there is none of that name. */
export function parseTarget(name: string): Target {
  const target = TARGETS.find((candidate) => candidate === name.replace(/^bun-/, ""));
  if (target === undefined) throw new Error(`no target is called ${name}; there are ${TARGETS.join(", ")}`);
  return target;
}

/** The target that this machine runs. Throws on a platform that Cube is not built for. */
export function ownTarget(): Target {
  return parseTarget(`${process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`);
}

function isMusl(): boolean {
  return process.platform === "linux" && readdirSync("/lib").some((name) => name.startsWith("ld-musl-"));
}
