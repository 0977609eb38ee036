/** `cube worker`: a worker without a screen, with the book's flags. Its host and port are those of the book's worker API. */
import type { CommandSpec } from "../command-spec.ts";
import { ALLOW_OPTIONS, FILE_OPTIONS, LOG_OPTIONS, WORKER_OPTIONS } from "../shared-options.ts";

const OFFER = WORKER_OPTIONS.options.filter(({ flags }) => !/^--(name|worker-port)/.test(flags));

export const WORKER: CommandSpec = {
  name: "worker",
  usage: ["[OPTIONS]"],
  summary: "run a worker without a screen",
  parameters: [],
  groups: [
    {
      title: "Worker (the book listens on 0.0.0.0 and keeps its state in memory):",
      options: [
        { flags: "-H, --host <HOST>", about: "where its API listens: loopback only (127.0.0.1)", key: "workerHost" },
        {
          flags: "-p, --port <PORT>",
          about: "its port (none is opened unless given; the book: 5556)",
          key: "workerPort",
        },
        { flags: "-n, --name <NAME>", about: "the node's name (the machine's)" },
        {
          flags: "-d, --dbtype <TYPE>",
          about: "persistent or memory (persistent)",
          key: "store",
          choices: ["persistent", "memory"],
        },
        { flags: "--dbType <TYPE>", about: "", key: "store", choices: ["persistent", "memory"], hidden: true },
        ...OFFER,
      ],
    },
    ALLOW_OPTIONS,
    { title: "Log and files:", options: [...LOG_OPTIONS, ...FILE_OPTIONS.options] },
  ],
  role: "worker",
  run: async (context) => await context.roles.headless(context.config(), "worker"),
};
