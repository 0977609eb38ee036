/** From the flags of `cube sim` to its question: nodes by their names, jobs from files or from images with the flags of `cube run`. */
import { ClientError } from "../client/cluster-client.ts";
import { toJobSpec } from "../client/job-request.ts";
import { didYouMean } from "../core/closest.ts";
import type { Node } from "../core/node.ts";
import type { JobSpec } from "../core/spec.ts";
import type { ClusterPicture, WhatIfQuestion } from "../core/what-if.ts";
import { UsageError } from "./cli-error.ts";
import { type Context, listFlag, textFlag } from "./command-spec.ts";
import { readJobFile } from "./job-file.ts";
import { runRequest } from "./run-request.ts";
import { TASK_OPTIONS } from "./sim-options.ts";

/** What is asked, as far as it can be read without knowing the cluster. */
export interface Asked {
  readonly without: readonly string[];
  readonly like: readonly string[];
  readonly add: readonly JobSpec[];
  readonly howMany: JobSpec | null;
}

const SHORTEST_PREFIX = 4;

/** Reads flags and files. Throws UsageError. */
export async function readAsked(context: Context): Promise<Asked> {
  const { flags } = context;
  const [add, howMany] = [listFlag(flags, "add"), textFlag(flags, "howMany")];
  const words = howMany === undefined ? add : [...add, howMany];
  refuseIdleFlags(context, words);
  if ([...words, textFlag(flags, "from") ?? ""].filter((word) => word === "-").length > 1)
    throw new UsageError("standard input can be read only once", "give the others as files");
  const specs: JobSpec[] = [];
  for (const word of words) specs.push(await readSpec(context, word));
  return {
    without: listFlag(flags, "without"),
    like: listFlag(flags, "withNode").map(readLike),
    add: specs.slice(0, add.length),
    howMany: howMany === undefined ? null : (specs.at(-1) ?? null),
  };
}

/** True when there is no question in it. */
export function isEmpty({ without, like, add, howMany }: Asked): boolean {
  return without.length === 0 && like.length === 0 && add.length === 0 && howMany === null;
}

/** The question about this cluster. Throws UsageError for nodes that it does not have. */
export function questionOn(picture: ClusterPicture, asked: Asked): WhatIfQuestion {
  const idOf = (ref: string): string => findNode(picture.nodes, ref).id;
  const without = [...new Set(asked.without.map(idOf))];
  return { picture, join: asked.like.map(idOf), without, add: asked.add, howMany: asked.howMany };
}

/** What the submission of these jobs would run into beside the scheduler, a sentence each. */
export function nameNotes(picture: ClusterPicture, { add }: Asked): string[] {
  const taken = new Set(picture.jobs.map(({ spec }) => spec.name));
  const clashing = add.filter(({ name }) => taken.size === taken.add(name).size);
  return [...new Set(clashing.map(({ name }) => name))].map(
    (name) =>
      `the name ${name} is taken: the manager would take this job only under another one, or with an id of its own.`,
  );
}

/** A file by its look, as an image cannot be called: a path that shows itself as one, or a name that ends as files do. */
function isFile(word: string): boolean {
  return word === "-" || /^[./~]/.test(word) || /\.(json|ya?ml)$/i.test(word);
}

async function readSpec(context: Context, word: string): Promise<JobSpec> {
  const { io } = context;
  if (!isFile(word)) return imageSpec(context, word);
  const { spec, stop } = await readJobFile(word, { cwd: io.cwd, readStdin: () => io.stdin.readAll() });
  if (stop) throw new UsageError(`${word} asks for the end of a task`, "leave its State out to ask what if it ran");
  if (spec.services.every(({ count }) => count === 0)) throw new UsageError(`${word} has no tasks`);
  return spec;
}

function imageSpec({ flags, io }: Context, image: string): JobSpec {
  try {
    const spec = toJobSpec(runRequest(flags, [image], { env: io.env, cwd: io.cwd, suffix: "sim" }));
    if (spec.services.every(({ count }) => count === 0)) throw new UsageError("--count 0 asks for nothing");
    return spec;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new UsageError(error.message, error.hint || `${image} is taken as an image: write ./${image} for a file`);
  }
}

/** Flags of a task mean nothing for a file, which says all of it. */
function refuseIdleFlags({ flags }: Context, words: readonly string[]): void {
  if (words.some((word) => !isFile(word))) return;
  const idle = TASK_OPTIONS.find(({ key }) => flags[key] !== undefined);
  if (idle === undefined) return;
  const hint = words.length === 0 ? "name it by --add IMAGE or --how-many IMAGE" : "the file says all about its tasks";
  throw new UsageError(`${idle.flag} is about an image, and there is none`, hint);
}

function readLike(text: string): string {
  const name = /^like=(.+)$/.exec(text)?.[1];
  if (name === undefined) throw new UsageError(`--with-node "${text}" is unknown`, "such as --with-node like=n1");
  return name;
}

/** By id, name, or the beginning of an id that only one has. */
function findNode(nodes: readonly Node[], ref: string): Node {
  const named = nodes.filter(({ id, name }) => id === ref || name === ref);
  const begun = ref.length < SHORTEST_PREFIX ? [] : nodes.filter(({ id }) => id.startsWith(ref));
  const found = named.length > 0 ? named : begun;
  const [first, second] = found;
  if (second) throw new UsageError(`several nodes are called "${ref}"`, `ids: ${found.map(({ id }) => id).join(", ")}`);
  if (first) return first;
  const names = nodes.map(({ name }) => name);
  const all = names.length === 0 ? "there are none" : `nodes: ${names.toSorted().slice(0, 10).join(", ")}`;
  throw new UsageError(`no node "${ref}"`, didYouMean(ref, names) || all);
}
