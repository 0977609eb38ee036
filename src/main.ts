/** The program's beginning: argv to a command or a role. Roles are imported when they are needed, so that a command never pays for the UI or the store. */
import { writeSync } from "node:fs";
import { asksForVersion, versionLine } from "./cli/version-line.ts";

const argv = process.argv.slice(2);
process.exit(asksForVersion(argv) && saidVersion() ? 0 : await run());

/** Past the process's streams, which take longer to load than all the rest of the answer. False when it did not get out: a command can explain that. */
function saidVersion(): boolean {
  try {
    return writeSync(1, versionLine()) > 0;
  } catch {
    return false;
  }
}

async function run(): Promise<number> {
  const [{ runCli }, { processIo }, { connect }] = await Promise.all([
    import("./cli/run-cli.ts"),
    import("./cli/process-io.ts"),
    import("./cli/connect.ts"),
  ]);
  return runCli(argv, {
    io: processIo(),
    connect,
    whatIf: async (question) => (await import("./sim/what-if.ts")).whatIf(question),
    roles: {
      ui: async (config) => (await import("./roles/ui.ts")).runUiRole(config),
      demo: async (options) => (await import("./roles/demo.ts")).runDemoRole(options),
      attach: async (config) => (await import("./roles/ui.ts")).runAttachRole(config),
      headless: async (config, which) => (await import("./roles/headless.ts")).runHeadless(config, which),
    },
  });
}
