/** The flags of `cube run`: docker run's names and meanings, as far as a cluster has them, and a few of its own. */
import type { OptionGroup, OptionSpec } from "./command-spec.ts";

const named = (flags: string, more: Partial<OptionSpec> = {}): OptionSpec => ({ flags, about: "", ...more });
const many = (flags: string, more: Partial<OptionSpec> = {}): OptionSpec => named(flags, { repeat: true, ...more });

/** What only describes the task itself; with -f the file does that. */
export const TASK_GROUPS: readonly OptionGroup[] = [
  {
    title: "As with docker run:",
    options: [
      named("--name <NAME>"),
      many("-p, --publish <[IP:][HOST:]PORT>"),
      many("-e, --env <KEY=VALUE>"),
      many("--env-file <FILE>", { completes: "file" }),
      many("-v, --volume <SRC:DST[:ro]>", { completes: "file" }),
      many("--tmpfs <PATH>"),
      named("--memory <SIZE>"),
      named("--cpus <N>"),
      many("-l, --label <KEY=VALUE>"),
      named("--restart <no|on-failure[:N]|always|unless-stopped>"),
      named("--entrypoint <CMD>"),
      named("-u, --user <USER>"),
      named("-w, --workdir <DIR>"),
      named("--pull <always|missing|never>", { choices: ["always", "missing", "never"] }),
      named("--stop-signal <SIG>"),
      named("--stop-timeout <TIME>"),
      named("--network <bridge|host|none>", { choices: ["bridge", "host", "none"] }),
      named("--pid <host>", { choices: ["host"] }),
      named("--ipc <host>", { choices: ["host"] }),
      named("--uts <host>", { choices: ["host"] }),
      named("--privileged"),
      many("--cap-add <NAME>"),
      many("--device <PATH>"),
      named("--health-cmd <CMD>"),
      named("--health-interval <TIME>"),
      named("--health-timeout <TIME>"),
      named("--health-retries <N>"),
      named("--health-start-period <TIME>"),
    ],
  },
  {
    title: "Cube's own:",
    options: [
      named("--health-http <[:PORT]/PATH>"),
      named("--health-tcp <PORT>"),
      named("--count <N>"),
      named("--disk <SIZE>"),
      many("--constraint <KEY==VALUE>"),
      named("--runtime <docker|process>", { choices: ["docker", "process"] }),
    ],
  },
];

/** Ways out for docker run's flags that mean nothing here. */
export const DOCKER_HINTS: Readonly<Record<string, string>> = {
  "-d": "tasks always run in the background: leave -d out",
  "--detach": "tasks always run in the background: leave --detach out",
  "-i": "start it, then open a shell by `cube exec -it TASK`",
  "-t": "start it, then open a shell by `cube exec -it TASK`",
  "-it": "start it, then open a shell by `cube exec -it TASK`",
  "--rm": "`cube rm` removes a task's records; containers are removed by the worker",
  "--mount": "use -v SOURCE:TARGET[:ro] or --tmpfs PATH",
  "-P": "publish each port by -p PORT: without a host port a free one is chosen",
};
