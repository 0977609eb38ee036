/** `cube __complete`: what the completion scripts call. It answers quickly or not at all, and never with an error that a shell would print. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import type { CommandSpec, Completes, Context } from "../command-spec.ts";
import { complete, type Suggestion } from "../completing.ts";
import { FILES_DIRECTIVE } from "../completion-scripts.ts";
import { clean } from "../text.ts";

/** Longer than this nobody waits for a key. */
const PATIENCE_MS = 700;
const MOST = 200;

export const COMPLETE: CommandSpec = {
  name: "__complete",
  usage: ["-- WORDS..."],
  summary: "list what the last word can be, one a line",
  parameters: ["[words...]"],
  passThrough: true,
  hidden: true,
  groups: [],
  run: async (context) => {
    const { suggestions, names } = complete(context.root, context.args);
    if (names === "file") context.io.stdout.write(`${FILES_DIRECTIVE}\n`);
    const known = suggestions.length > 0 && names === "nothing" ? [] : await namesFor(context, names);
    const current = context.args.at(-1) ?? "";
    const all = [...suggestions, ...known.filter(({ word }) => word.startsWith(current))].slice(0, MOST);
    context.io.stdout.write(all.map(({ word, about }) => `${clean(word)}\t${clean(about)}\n`).join(""));
    return 0;
  },
};

async function namesFor(context: Context, names: Completes): Promise<readonly Suggestion[]> {
  if (names !== "task" && names !== "job" && names !== "node") return [];
  let timer: Timer | undefined;
  const late = new Promise<readonly Suggestion[]>((resolve) => {
    timer = setTimeout(() => resolve([]), PATIENCE_MS);
  });
  try {
    return await Promise.race([context.client(typedTarget(context.args)).then((client) => ask(client, names)), late]);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}

async function ask(client: ClusterClient, names: "task" | "job" | "node"): Promise<readonly Suggestion[]> {
  if (names === "node")
    return (await client.nodes({ limit: MOST })).items.map(({ name, state }) => ({ word: name, about: state }));
  const jobs = (await client.jobs({ limit: MOST })).items.map(({ name, kind }) => ({ word: name, about: kind }));
  if (names === "job") return jobs;
  const tasks = (await client.tasks({ limit: MOST })).items;
  const many = tasks.filter(({ name }) => name.includes("."));
  return [...jobs, ...many.map(({ id, name, state }) => ({ word: id, about: `${name}, ${state}` }))];
}

/** The manager that the line being typed is aimed at. */
function typedTarget(words: readonly string[]): Record<string, unknown> {
  const keys: Readonly<Record<string, string>> = {
    "-m": "manager",
    "--manager": "manager",
    "--data-dir": "dataDir",
    "--token-file": "tokenFile",
  };
  const found: Record<string, unknown> = {};
  words.forEach((word, index) => {
    const [flag = "", value] = word.split(/=(.*)/s);
    const key = keys[flag];
    if (key !== undefined) found[key] = value ?? words[index + 1];
  });
  return found;
}
