/** The answer to `cube --version`, apart from everything else so that nothing else is loaded for it. */
import { commit, version } from "../version.ts";

/** `cube 0.1.0 (abc1234)`, with a line end. */
export function versionLine(): string {
  return `cube ${version} (${commit})\n`;
}

/** True for a command line that only asks for the version. */
export function asksForVersion(argv: readonly string[]): boolean {
  return argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V");
}
