/**
 * `cube sim`: what if on the user's own cluster. It asks the real scheduler, on a snapshot and a virtual clock, what would become of tasks and nodes.
 * Nothing is changed by it on the manager, whose view role is enough.
 */
import { remarks } from "../../client/remarks.ts";
import type { ClusterSnapshot } from "../../client/snapshot.ts";
import type { WhatIfAnswer, WhatIfQuestion } from "../../core/what-if.ts";
import { EXIT, UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { boldFor } from "../io.ts";
import { TASK_OPTION_SPECS } from "../sim-options.ts";
import { type Asked, isEmpty, nameNotes, questionOn, readAsked } from "../sim-question.ts";
import { loadSnapshot, pictureIn, saveSnapshot } from "../sim-snapshot.ts";
import { answerText } from "../sim-text.ts";
import { clean, jsonText } from "../text.ts";

/** Something would be pending, down or given up, or not one more fits. */
const DOES_NOT_FIT = 3;

export const SIM: CommandSpec = {
  name: "sim",
  usage: ["[--without NODE] [--add JOB] [--how-many JOB] [OPTIONS]"],
  summary: "show what would be if nodes died or jobs came; nothing is changed",
  details: [
    "JOB is a file as for `cube run -f`, or an image with the task's options.",
    "Exit code: 0 everything fits, 3 something would be pending or down.",
    "  cube sim --without n3                     does all of n3 fit elsewhere?",
    "  cube sim --without n1 --without n2 --add web.json",
    "  cube sim --how-many nginx --memory 512m -p 8080:80",
  ],
  parameters: [],
  groups: [
    {
      title: "Options (nodes come first, then they go, then jobs are added and counted):",
      options: [
        {
          flags: "--without <NODE>",
          about: "this node dies; repeat it: they die together",
          repeat: true,
          completes: "node",
        },
        { flags: "--with-node <like=NODE>", about: "a node like this one joins, idle", repeat: true },
        { flags: "--add <JOB>", about: "this is submitted; repeat it for more", repeat: true, completes: "file" },
        { flags: "--how-many <JOB>", about: "how many more of this fit", completes: "file" },
        { flags: "--from <FILE>", about: "ask about this snapshot, not the manager's", completes: "file" },
        { flags: "--save <FILE>", about: "keep the manager's snapshot (no values of env)", completes: "file" },
        { flags: "--json", about: "print JSON instead" },
      ],
    },
    { title: "Of an image, as with `cube run`:", options: TASK_OPTION_SPECS },
    TARGET_OPTIONS,
  ],
  run: runSim,
};

async function runSim(context: Context): Promise<number> {
  const { flags, io } = context;
  refuseSizeAsManager(textFlag(flags, "manager") ?? "");
  const asked = await readAsked(context);
  const file = textFlag(flags, "save");
  if (file !== undefined && flags.from !== undefined)
    throw new UsageError("--save does not go with --from", "the snapshot is in a file already");
  if (isEmpty(asked) && (file === undefined || flags.json === true))
    throw new UsageError("sim needs a question", "such as --without NODE, --add JOB or --how-many JOB");
  const snapshot = await loadSnapshot(context);
  if (file !== undefined) save(context, file, snapshot);
  if (isEmpty(asked)) return EXIT.ok;
  const question = questionOn(pictureIn(snapshot), asked);
  const found = await context.whatIf(question);
  const answer = { ...found, notes: [...nameNotes(question.picture, asked), ...found.notes] };
  const said = flags.json === true ? [] : remarks(snapshot.manager);
  io.stderr.write(said.map((text) => `cube: ${clean(text)}\n`).join(""));
  const told = { snapshot, asked, question, answer };
  io.stdout.write(flags.json === true ? jsonAnswer(told) : textAnswer(context, told));
  return answer.fits ? EXIT.ok : DOES_NOT_FIT;
}

/** In `cube run` -m is the memory. */
function refuseSizeAsManager(manager: string): void {
  if (/^\d+(\.\d+)?([kmgt]i?)?b?$/i.test(manager))
    throw new UsageError(`-m names the manager here, and "${manager}" is a size`, `the memory is --memory ${manager}`);
}

function save(context: Context, file: string, snapshot: ClusterSnapshot): void {
  saveSnapshot(context, file, snapshot);
  const { nodes, jobs, revision } = snapshot;
  const what = `${count(nodes, "node")} and ${count(jobs, "job")} at revision ${revision}`;
  context.io.stderr.write(`cube: ${clean(what)} are in ${clean(file)}\n`);
}

function count(records: readonly unknown[], noun: string): string {
  return `${records.length} ${noun}${records.length === 1 ? "" : "s"}`;
}

interface Told {
  readonly snapshot: ClusterSnapshot;
  readonly asked: Asked;
  readonly question: WhatIfQuestion;
  readonly answer: WhatIfAnswer;
}

function textAnswer({ io }: Context, told: Told): string {
  const width = io.stdout.isTTY ? io.stdout.columns : null;
  return answerText(told.answer, titleOf(told), { width, bold: boldFor(io) });
}

/** What was asked, of which cluster and when. Pure. */
function titleOf({ snapshot, asked, question }: Told): string {
  const names = nodeNames(question);
  const gone = question.without.map(names).join(" and ");
  const parts = [
    ...question.join.map((id) => `a node like ${names(id)} joins`),
    gone === "" ? "" : `${gone} ${question.without.length === 1 ? "dies" : "die"}`,
    ...asked.add.map(({ name }) => `${name} is added`),
  ].filter((part) => part !== "");
  const { manager, revision } = snapshot;
  const what = parts.length === 0 ? "As it is" : `What if ${parts.join(", ")}`;
  return `${what} (${manager.name}, ${manager.scheduler}, revision ${revision}):`;
}

function nodeNames({ picture }: WhatIfQuestion): (id: string) => string {
  const names = new Map(picture.nodes.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}

function jsonAnswer({ snapshot, asked, question, answer }: Told): string {
  const { clusterId, name, scheduler } = snapshot.manager;
  const names = nodeNames(question);
  const asking = {
    join: question.join.map(names),
    without: question.without.map(names),
    add: asked.add.map((spec) => spec.name),
    howMany: asked.howMany?.name ?? null,
  };
  const cluster = { clusterId, manager: name, scheduler, revision: snapshot.revision, atMs: snapshot.savedMs };
  return `${jsonText({ cluster, asked: asking, ...answer })}\n`;
}
