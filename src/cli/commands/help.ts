/** `cube help COMMAND`: the same text as `cube COMMAND --help`. */
import type { CommandSpec } from "../command-spec.ts";
import { helpText } from "../help.ts";
import { findChild, unknownCommand } from "../program.ts";

export const HELP: CommandSpec = {
  name: "help",
  usage: ["[COMMAND]"],
  summary: "show the help of a command",
  parameters: ["[command...]"],
  groups: [{ title: "Options:", options: [{ flags: "-h, --help", about: "" }] }],
  run: async (context) => {
    let at = { spec: context.root, path: context.root.name };
    for (const word of context.args) {
      const child = findChild(at.spec, word);
      if (child === undefined) throw unknownCommand(at, word);
      at = { spec: child, path: `${at.path} ${child.name}` };
    }
    context.io.stdout.write(helpText(at.spec, at.path));
    return 0;
  },
};
