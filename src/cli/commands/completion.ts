/** `cube completion SHELL`: prints the script that completes cube's words in that shell. */
import { UsageError } from "../cli-error.ts";
import type { CommandSpec } from "../command-spec.ts";
import { SCRIPTS, SHELLS } from "../completion-scripts.ts";

export const COMPLETION: CommandSpec = {
  name: "completion",
  usage: ["bash|zsh|fish"],
  summary: "print the script that completes commands, flags and names in your shell",
  details: [
    "  bash: source <(cube completion bash)         in ~/.bashrc",
    "  zsh:  source <(cube completion zsh)          in ~/.zshrc, after compinit",
    "  fish: cube completion fish | source          in ~/.config/fish/config.fish",
  ],
  parameters: ["<shell>"],
  groups: [{ title: "Options:", options: [{ flags: "-h, --help", about: "" }] }],
  completes: "shell",
  run: async (context) => {
    const shell = SHELLS.find((name) => name === context.args[0]);
    if (shell === undefined)
      throw new UsageError(`no completion for "${context.args[0]}"`, `there is one for ${SHELLS.join(", ")}`);
    context.io.stdout.write(SCRIPTS[shell]);
    return 0;
  },
};
