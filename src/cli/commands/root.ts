/** `cube` itself: the full-screen UI, or a role without a screen; and the list of all commands. */
import { UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import {
  ALLOW_OPTIONS,
  LOG_OPTIONS,
  MANAGER_OPTIONS,
  READ_ONLY,
  TARGET_OPTIONS,
  WORKER_OPTIONS,
} from "../common-options.ts";
import { versionLine } from "../version-line.ts";
import { ATTACH } from "./attach.ts";
import { COMPLETE } from "./complete.ts";
import { COMPLETION } from "./completion.ts";
import { DEMO } from "./demo.ts";
import { EVENTS } from "./events.ts";
import { EXEC } from "./exec.ts";
import { HELP } from "./help.ts";
import { INSPECT_TASK } from "./inspect.ts";
import { LOGIN, LOGOUT } from "./login.ts";
import { LOGS } from "./logs.ts";
import { MANAGER } from "./manager.ts";
import { NODE } from "./node.ts";
import { RESTART } from "./restart.ts";
import { RM } from "./rm.ts";
import { RUN } from "./run.ts";
import { SHUTDOWN } from "./shutdown.ts";
import { SIM } from "./sim.ts";
import { START } from "./start.ts";
import { STATUS } from "./status.ts";
import { STOP } from "./stop.ts";
import { TOKEN } from "./token.ts";
import { VERSION } from "./version.ts";
import { WHY } from "./why.ts";
import { WORKER } from "./worker.ts";

const WHICH = ["all", "manager", "worker"] as const;

/** Every command, in the order of the help. */
export const ROOT: CommandSpec = {
  name: "cube",
  usage: [
    "[OPTIONS]            the full-screen UI, manager and worker",
    "COMMAND [OPTIONS]    `cube COMMAND --help` tells more",
  ],
  summary: "",
  details: [
    "  run IMAGE [-- COMMAND...]    start a task; run -f FILE: the one in a file",
    "  status                       list tasks (also: ps)",
    "  stop, start, restart, rm     end, start again, restart, remove: TASK...",
    "  logs TASK                    show a task's output; -f follows it",
    "  exec TASK [-- COMMAND...]    run a command, or a shell (-it), inside a task",
    "  why TASK; inspect TASK       why it is there, or nowhere; all of it as JSON",
    "  events                       what happened; -f follows",
    "  node                         list nodes; node inspect|cordon|uncordon|rm NAME",
    "  sim                          what if a node dies, a job comes; does it fit?",
    "  demo                         the UI on a simulated cluster: needs nothing",
    "  attach                       the UI on a manager that runs already",
    "  token; login, logout         who may from elsewhere; trust a manager there",
    "  manager, worker              run without a screen; --help has their options",
    "  shutdown                     end the manager in the background; tasks go on",
    "  version; help COMMAND; completion bash|zsh|fish",
  ],
  parameters: [],
  passThrough: true,
  role: "all",
  groups: [
    {
      title: "Options (and those of `cube manager` and `cube worker`):",
      options: [
        { flags: "--headless <all|manager|worker>", about: "", choices: WHICH },
        { ...READ_ONLY, about: "" },
        ...TARGET_OPTIONS.options,
        { flags: "-V, --version", about: "" },
      ],
    },
    { title: "", options: [{ flags: "--join <HOST:PORT>", about: "", hidden: true }] },
    ...[MANAGER_OPTIONS, WORKER_OPTIONS, ALLOW_OPTIONS].map(({ options }) => ({
      title: "",
      options: options.map((option) => ({ ...option, hidden: true })),
    })),
    { title: "", options: LOG_OPTIONS.map((option) => ({ ...option, hidden: true })) },
  ],
  children: [
    RUN,
    STATUS,
    STOP,
    START,
    RESTART,
    RM,
    LOGS,
    EXEC,
    WHY,
    INSPECT_TASK,
    EVENTS,
    NODE,
    SIM,
    DEMO,
    ATTACH,
    TOKEN,
    LOGIN,
    LOGOUT,
    MANAGER,
    WORKER,
    SHUTDOWN,
    VERSION,
    HELP,
    COMPLETION,
    COMPLETE,
  ],
  run: runRoot,
};

async function runRoot(context: Context): Promise<number> {
  if (context.flags.version === true) {
    context.io.stdout.write(versionLine());
    return 0;
  }
  const which = WHICH.find((name) => name === textFlag(context.flags, "headless"));
  const config = context.config();
  if (which === undefined) return await (config.targetGiven ? context.roles.attach(config) : context.roles.ui(config));
  if (textFlag(context.flags, "manager") !== undefined && which !== "worker") {
    throw new UsageError(
      "--manager does not go with a manager of one's own",
      "leave --headless out to see the other one",
    );
  }
  return await context.roles.headless(config, which);
}
