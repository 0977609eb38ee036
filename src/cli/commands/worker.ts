/** `cube worker`: a worker without a screen, with the book's flags. On its port it waits for the manager's dial. */
import type { CommandSpec } from "../command-spec.ts";
import { ALLOW_OPTIONS, FILE_OPTIONS, LOG_OPTIONS, WORKER_OPTIONS } from "../common-options.ts";

const OFFER = WORKER_OPTIONS.options.filter(({ flags }) => !/^--(name|worker-port|book-api)/.test(flags));

export const WORKER: CommandSpec = {
  name: "worker",
  usage: ["[OPTIONS]"],
  summary: "run a worker without a screen, for a manager elsewhere",
  parameters: [],
  groups: [
    {
      title: "Worker (the book listens on 0.0.0.0 and keeps its state in memory):",
      options: [
        { flags: "--join <HOST:PORT>", about: "dial this manager; without it, wait for its dial" },
        { flags: "-H, --host <HOST>", about: "where it waits for the manager (127.0.0.1)", key: "workerHost" },
        { flags: "-p, --port <PORT>", about: "its port (5556, or none with --join)", key: "workerPort" },
        { flags: "-n, --name <NAME>", about: "the node's name (the machine's)" },
        {
          flags: "-d, --dbtype <TYPE>",
          about: "persistent or memory (persistent)",
          key: "store",
          choices: ["persistent", "memory"],
        },
        { flags: "--dbType <TYPE>", about: "", key: "store", choices: ["persistent", "memory"], hidden: true },
        { flags: "--join-token-file <FILE>", about: "", completes: "file" },
        { flags: "--book-api", about: "the book's POST and DELETE /tasks on its port" },
        ...OFFER,
      ],
    },
    ALLOW_OPTIONS,
    { title: "Log and files:", options: [...LOG_OPTIONS, ...FILE_OPTIONS.options] },
  ],
  role: "worker",
  run: async (context) => await context.roles.headless(context.config(), "worker"),
};
