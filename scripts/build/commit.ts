// The commit that an executable is built from, for `cube --version`.

/** What the executable is made of; a change elsewhere does not make it another program. */
const SOURCES = ["src", "scripts/build.ts", "scripts/build", "package.json", "package-lock.json", "tsconfig.json"];

/** The short commit of `folder`, with "-dirty" when the sources differ from it; "unknown" without git or a checkout. */
export function commitOf(folder: string): string {
  const head = git(folder, ["rev-parse", "--short=12", "HEAD"]);
  if (head === undefined) return "unknown";
  const changes = git(folder, ["status", "--porcelain", "--", ...SOURCES]);
  return changes === "" ? head : `${head}-dirty`;
}

function git(folder: string, args: string[]): string | undefined {
  if (Bun.which("git") === null) return undefined;
  const run = Bun.spawnSync(["git", "-C", folder, ...args], { stdout: "pipe", stderr: "ignore" });
  return run.success ? run.stdout.toString().trim() : undefined;
}
