/** `cube version`: this program's version and, when a manager answers quickly, the manager's. */
import type { ManagerResource } from "../../client/resources.ts";
import { commit, version } from "../../version.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { clean, jsonText } from "../text.ts";
import { versionLine } from "../version-line.ts";

/** A manager that does not answer within this time counts as absent. */
const PATIENCE_MS = 1_000;

export const VERSION: CommandSpec = {
  name: "version",
  usage: ["[--json]"],
  summary: "show the version of this program and of the manager",
  details: ["`cube --version` asks no manager."],
  parameters: [],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  run: async (context) => {
    const manager = await managerIfThere(context);
    if (context.flags.json === true) {
      context.io.stdout.write(`${jsonText({ client: { version, commit }, manager })}\n`);
      return 0;
    }
    context.io.stdout.write(versionLine());
    if (manager !== null)
      context.io.stdout.write(`manager ${clean(`${manager.name} ${manager.version} (${manager.commit})`)}\n`);
    return 0;
  },
};

/** No manager is no error here: the question was about this program first. */
async function managerIfThere(context: Context): Promise<ManagerResource | null> {
  let timer: Timer | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE_MS);
  });
  // A wrong address or configuration is an error all the same.
  context.config();
  try {
    return await Promise.race([context.client().then((client) => client.manager()), late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
