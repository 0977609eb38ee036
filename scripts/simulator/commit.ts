// Which code a run has tried: figures are only ever added up for one and the same commit.
import { resolve } from "node:path";

/** The checkout that this program lies in, wherever it is started. */
const ROOT = resolve(import.meta.dir, "../..");

/** Short id of that checkout's commit, with a plus when files differ from it; "unknown" outside a repository. */
export function commitOf(): string {
  const head = git("rev-parse", "--short=10", "HEAD");
  if (head === null) return "unknown";
  return git("status", "--porcelain", "--", "src", "scripts/simulator") === "" ? head : `${head}+`;
}

/** What runs it: another engine may come to other traces. */
export const ENGINE = `Bun ${Bun.version}`;

function git(...args: string[]): string | null {
  // Set by git for its hooks: they would lead to the repository of the hook.
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...env } = process.env;
  const done = Bun.spawnSync(["git", "-C", ROOT, ...args], { env, stdout: "pipe", stderr: "ignore" });
  return done.success ? done.stdout.toString().trim() : null;
}
