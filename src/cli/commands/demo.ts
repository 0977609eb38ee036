/** `cube demo`: the full-screen UI on a simulated cluster, which needs nothing and leaves nothing behind. */
import { UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";

/** What may be asked for, and what it is without asking. */
const LIMITS = {
  seed: { least: 0, most: 0xffffffff, usual: 1 },
  nodes: { least: 1, most: 100, usual: 12 },
  speed: { least: 1, most: 600, usual: 1 },
} as const;

export const DEMO: CommandSpec = {
  name: "demo",
  usage: ["[--speed N] [--nodes N] [--seed N]"],
  summary: "show the full-screen UI on a simulated cluster, which needs nothing",
  details: [
    "A dozen nodes with some two hundred tasks, on which things fail and come back.",
    "The manager and the workers are the real ones; machines, containers and time",
    "are simulated. No engine, no root, no network; nothing is written, and nothing",
    "is left when you leave it (q). In it, + and - set the speed, P holds the time,",
    "F breaks something, and ? shows all keys.",
  ],
  parameters: [],
  groups: [
    {
      title: "Options:",
      options: [
        { flags: "--speed <N>", about: "seconds of the cluster in one of yours, 1 to 600 (default 1)" },
        { flags: "--nodes <N>", about: "how many nodes, 1 to 100 (default 12); tasks in proportion" },
        { flags: "--seed <N>", about: "another story: the same number is the same one (default 1)" },
      ],
    },
  ],
  role: "all",
  run: runDemo,
};

function runDemo({ flags, roles }: Context): Promise<number> {
  const read = (key: keyof typeof LIMITS): number => wholeNumber(key, textFlag(flags, key));
  return roles.demo({ seed: read("seed"), nodes: read("nodes"), speed: read("speed") });
}

function wholeNumber(key: keyof typeof LIMITS, text: string | undefined): number {
  const { least, most, usual } = LIMITS[key];
  if (text === undefined) return usual;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${key} takes a whole number from ${least} to ${most}, not "${text}"`);
}
