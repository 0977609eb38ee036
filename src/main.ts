/** The program's beginning: argv to a command or a role. Roles are imported when they are needed, so that a command never pays for the UI or the store. */

import { connect } from "./cli/connect.ts";
import { processIo } from "./cli/process-io.ts";
import { runCli } from "./cli/run-cli.ts";

const io = processIo();
const code = await runCli(process.argv.slice(2), {
  io,
  connect,
  roles: {
    ui: async (config) => (await import("./roles/ui.ts")).runUiRole(config),
    attach: async (config) => (await import("./roles/ui.ts")).runAttachRole(config),
    headless: async (config, which) => (await import("./roles/headless.ts")).runHeadless(config, which),
  },
});
process.exit(code);
