/** `cube run`: a task from an image or a command, with docker run's flags; or whatever a file asks for. Prints the job's id. */
import type { ClusterClient, Submitted } from "../../client/cluster-client.ts";
import { ClientError } from "../../client/cluster-client.ts";
import { toJobSpec } from "../../client/job-request.ts";
import { CommandFailed, UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { TARGET_KEYS, TARGET_OPTIONS_LONG } from "../common-options.ts";
import { readJobFile } from "../job-file.ts";
import { DOCKER_HINTS, TASK_GROUPS } from "../run-options.ts";
import { runRequest } from "../run-request.ts";
import { clean, jsonText } from "../text.ts";
import { waitForJob } from "../wait-for.ts";

/** Flags that also make sense with a file. */
const WITH_FILE: readonly string[] = [...TARGET_KEYS, "filename", "m", "json", "wait"];

export const RUN: CommandSpec = {
  name: "run",
  usage: [
    "[OPTIONS] IMAGE [-- COMMAND...]",
    "--runtime process [OPTIONS] -- COMMAND...",
    "-f FILE   (the book's TaskEvent or a job, as JSON; -: stdin)",
  ],
  summary: "start a task and print its id",
  parameters: ["[image]", "[command...]"],
  passThrough: true,
  groups: [
    ...TASK_GROUPS,
    {
      title: "Otherwise:",
      options: [
        { flags: "-m <SIZE|MANAGER>", about: "memory, as docker has it; with -f the manager, as the book" },
        { flags: "--wait", about: "wait until it runs, and is healthy where it is checked" },
        { flags: "-f, --filename <FILE>", about: "", completes: "file" },
        { flags: "--json", about: "" },
        ...TARGET_OPTIONS_LONG.options,
      ],
    },
  ],
  completes: "nothing",
  flagHints: DOCKER_HINTS,
  run: runRun,
};

async function runRun(context: Context): Promise<number> {
  const file = textFlag(context.flags, "filename");
  const submitted = file === undefined ? await submitFlags(context) : await submitFile(context, file);
  const { io, flags } = context;
  io.stdout.write(flags.json === true ? `${jsonText(submitted.job)}\n` : `${clean(submitted.job.id)}\n`);
  if (!submitted.created) io.stderr.write(`cube: ${clean(submitted.job.name)} was there already and is unchanged\n`);
  if (flags.wait === true) await wait(context, submitted);
  return 0;
}

async function submitFlags(context: Context): Promise<Submitted> {
  const { flags, args, io } = context;
  const spec = asUsage(() => toJobSpec(runRequest(flags, args, { env: io.env, cwd: io.cwd, suffix: randomSuffix() })));
  const client = await context.client();
  return await client.submit(spec, { idempotencyKey: crypto.randomUUID() });
}

async function submitFile(context: Context, file: string): Promise<Submitted> {
  const { flags, args, io } = context;
  const misplaced = Object.keys(flags).find((key) => !WITH_FILE.includes(key));
  if (misplaced !== undefined || args.length > 0) {
    const what =
      misplaced === undefined
        ? `"${args[0]}"`
        : `--${misplaced.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError(`${what} does not go with -f`, "the file says all that there is to say about the task");
  }
  const request = await readJobFile(file, { cwd: io.cwd, readStdin: () => io.stdin.readAll() });
  const manager = textFlag(flags, "manager") ?? textFlag(flags, "m");
  const client = await context.client(manager === undefined ? flags : { ...flags, manager });
  const options = request.id === "" ? { idempotencyKey: crypto.randomUUID() } : { id: request.id };
  const submitted = await client.submit(request.spec, options);
  return request.stop && !submitted.created ? await stopped(client, submitted) : submitted;
}

/** The book stops a task by posting it again with state Completed. */
async function stopped(client: ClusterClient, submitted: Submitted): Promise<Submitted> {
  return { job: await client.stop(submitted.job.id), created: true };
}

async function wait(context: Context, { job }: Submitted): Promise<void> {
  const client = await context.client();
  const onProgress = (text: string): void => context.io.stderr.write(`${clean(text)}\n`);
  const outcome = await waitForJob(client, job, { signal: context.signal, onProgress });
  if (!outcome.ok)
    throw new CommandFailed(
      outcome.message,
      `cube logs ${job.name} shows its output, cube why ${job.name} its placement`,
    );
}

/** What is wrong with a flag's value is the command line's mistake, although the rules are the API's. */
function asUsage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof ClientError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

function randomSuffix(): string {
  return crypto.randomUUID().slice(0, 4);
}
