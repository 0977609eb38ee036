// Every check of the source in one command: `npm run check`. All of them run, even behind one that fails, so that one
// run shows everything there is to do. It checks and must never change a file.
import { resolve } from "node:path";

type Check = { name: string; command: string[] };

const ROOT = resolve(import.meta.dir, "..");

const CHECKS: Check[] = [
  {
    name: "format and lint",
    command: tool("biome", "check", "--error-on-warnings", "--diagnostic-level=warn", "--max-diagnostics=200"),
  },
  { name: "types", command: tool("tsc", "--project", "tsconfig.json") },
  { name: "types of the pure set", command: tool("tsc", "--project", "tsconfig.pure.json") },
  { name: "dead code", command: tool("knip", "--no-progress") },
  { name: "architecture", command: [process.execPath, "test", "test/architecture.test.ts"] },
];

const failed = CHECKS.filter((check) => !passes(check)).map((check) => check.name);
console.log(failed.length === 0 ? "all checks passed" : `checks failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The command of a tool in node_modules; --bun, because a machine that builds with bun alone has no node. */
function tool(name: string, ...args: string[]): string[] {
  return [process.execPath, "--bun", resolve(ROOT, "node_modules/.bin", name), ...args];
}

function passes({ name, command }: Check): boolean {
  const run = Bun.spawnSync(command, { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
  console.log(`${run.success ? "ok    " : "FAILED"} ${name}`);
  if (!run.success) console.log(`${run.stdout}${run.stderr}`);
  return run.success;
}
