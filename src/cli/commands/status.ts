/** `cube status`: the tasks in the book's columns. */
import type { ListQuery } from "../../client/cluster-client.ts";
import { remarks } from "../../client/remarks.ts";
import type { ManagerResource, TaskResource } from "../../client/resources.ts";
import { TASK_STATES } from "../../core/task.ts";
import { allPages } from "../all-pages.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { boldFor } from "../io.ts";
import { ago } from "../quantities.ts";
import { type Column, renderTable } from "../table.ts";
import { stateText } from "../task-words.ts";
import { clean, jsonText } from "../text.ts";

export const STATUS: CommandSpec = {
  name: "status",
  aliases: ["ps"],
  usage: ["[OPTIONS]"],
  summary: "list tasks",
  parameters: [],
  groups: [
    {
      title: "Options:",
      options: [
        { flags: "-a, --all", about: "earlier attempts too" },
        { flags: "-q, --quiet", about: "only ids, one a line" },
        { flags: "--job <JOB>", about: "only tasks of this job", completes: "job" },
        { flags: "--node <NODE>", about: "only tasks on this node", completes: "node" },
        { flags: "--state <STATE>", about: "only tasks in this state", choices: TASK_STATES },
        { flags: "--no-trunc", about: "cut nothing, however wide it gets" },
        JSON_OPTION,
      ],
    },
    TARGET_OPTIONS,
  ],
  run: runStatus,
};

const COLUMNS: readonly Column[] = [
  { title: "ID" },
  { title: "NAME", shrink: 12 },
  { title: "CREATED" },
  { title: "STATE" },
  { title: "CONTAINERNAME", shrink: 16 },
  { title: "IMAGE", shrink: 12 },
];

async function runStatus(context: Context): Promise<number> {
  const { io, flags } = context;
  const client = await context.client();
  const tasks = await allPages((page) => client.tasks({ ...queryOf(context), ...page }));
  const table = flags.json !== true && flags.quiet !== true;
  const out = table ? await allPages((page) => client.nodes({ state: "disconnected", ...page })) : [];
  const said = table ? warnings(await client.manager()) : [];
  if (flags.json === true) io.stdout.write(`${jsonText(tasks)}\n`);
  else if (flags.quiet === true) io.stdout.write(tasks.map((task) => `${clean(idOf(task))}\n`).join(""));
  else
    io.stdout.write(
      statusTable(tasks, {
        out: new Set(out.map(({ id }) => id)),
        nowMs: io.nowMs(),
        width: tableWidth(context),
        bold: boldFor(io),
      }),
    );
  io.stderr.write(said.map((text) => `cube: ${clean(text)}\n`).join(""));
  return 0;
}

/** What stands below the table: also why nothing can be done for tasks now, but not that a manager has only just started. Pure. */
function warnings(manager: ManagerResource): string[] {
  const { caution = "" } = manager;
  return [...remarks(manager), ...(caution === "" || caution.startsWith("settling") ? [] : [caution])];
}

function queryOf(context: Context): ListQuery {
  const { flags } = context;
  const [job, node, state] = [textFlag(flags, "job"), textFlag(flags, "node"), textFlag(flags, "state")];
  return {
    ...(flags.all === true ? { history: true } : {}),
    ...(job === undefined ? {} : { job }),
    ...(node === undefined ? {} : { node }),
    ...(state === undefined ? {} : { state }),
  };
}

/** Cells that a table may take: a terminal's, or null for a pipe and for `--no-trunc`. */
function tableWidth(context: Context): number | null {
  return context.io.stdout.isTTY && context.flags.trunc !== false ? context.io.stdout.columns : null;
}

/** The table of tasks; ids are short where the width is bounded. Pure. */
function statusTable(
  tasks: readonly TaskResource[],
  options: {
    /** Nodes out of reach. */
    readonly out: ReadonlySet<string>;
    readonly nowMs: number;
    readonly width: number | null;
    readonly bold?: (text: string) => string;
  },
): string {
  const rows = tasks.map((task) => [
    options.width === null ? idOf(task) : idOf(task).slice(0, 12),
    task.name,
    ago(task.createdMs, options.nowMs),
    stateText(task, options.out.has(task.nodeId)),
    task.containerName || "-",
    task.image || task.command.join(" "),
  ]);
  return renderTable(COLUMNS, rows, options);
}

/** The id that the user gave or got: the job's for a lone task, as its newest attempt is what the job's id means. */
function idOf(task: TaskResource): string {
  return task.current && task.slot === 0 && !task.name.includes(".") ? task.jobId : task.id;
}
