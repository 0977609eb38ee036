// Which code a run has tried: figures are only ever added up for one and the same commit.

/** Short id of the commit, with a plus when files differ from it; "unknown" outside a repository. */
export function commitOf(): string {
  const head = git("rev-parse", "--short=10", "HEAD");
  if (head === null) return "unknown";
  return git("status", "--porcelain", "--", "src", "scripts/simulator") === "" ? head : `${head}+`;
}

function git(...args: string[]): string | null {
  const done = Bun.spawnSync(["git", ...args], { stdout: "pipe", stderr: "ignore" });
  return done.success ? done.stdout.toString().trim() : null;
}
