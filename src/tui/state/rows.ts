/**
 * Which tasks the table shows and in what order: a filter of words and fields, and a sort column. Pure. The order never depends on the locale, and ties are
 * broken by name and id, so that a row only moves when its own figure does.
 */
import type { TaskResource } from "../../client/resources.ts";
import { taskMark } from "../views/signs.ts";
import type { Cluster } from "./cluster.ts";

/** Columns that the table can be sorted by, in the order of the sort key. */
export const SORTS = ["name", "state", "node", "cpu", "memory", "restarts", "age"] as const;
export type SortKey = (typeof SORTS)[number];

export interface Sort {
  readonly by: SortKey;
  readonly reverse: boolean;
}

/** Fields that a filter can name, as in `node:n2`. */
const FIELDS = ["name", "node", "state", "image", "job", "id", "runtime", "health"] as const;
type Field = (typeof FIELDS)[number];
type Nodes = Cluster["nodes"];

const read: Readonly<Record<Field, (task: TaskResource, nodes: Nodes) => string>> = {
  name: (task) => task.name,
  node: (task) => task.nodeName,
  state: (task, nodes) => `${task.state} ${taskMark(task, nodes.get(task.nodeId)).word}`,
  image: (task) => task.image,
  job: (task) => task.jobId,
  id: (task) => task.id,
  runtime: (task) => task.runtime,
  health: (task) => task.health,
};

type Test = (task: TaskResource, nodes: Nodes) => boolean;

/** A filter as a test of a task; words are joined by "and", `!` negates, `/re/` is a regular expression, `field:value` looks in one field. */
export function parseFilter(text: string): { readonly test: Test; readonly problem: string } {
  const tests: Test[] = [];
  let problem = "";
  for (const word of text.split(" ").filter((each) => each !== "" && each !== "!")) {
    const negated = word.startsWith("!");
    const term = parseTerm(negated ? word.slice(1) : word);
    if (term === undefined) problem = `${word} is not a regular expression`;
    else tests.push(negated ? (task, nodes) => !term(task, nodes) : term);
  }
  return { test: (task, nodes) => tests.every((test) => test(task, nodes)), problem };
}

function parseTerm(word: string): Test | undefined {
  const colon = word.indexOf(":");
  const field = FIELDS.find((each) => each === word.slice(0, colon));
  const match = matcher(field === undefined ? word : word.slice(colon + 1));
  if (match === undefined) return undefined;
  if (field !== undefined) return (task, nodes) => match(read[field](task, nodes));
  return (task, nodes) => FIELDS.some((each) => match(read[each](task, nodes)));
}

function matcher(word: string): ((text: string) => boolean) | undefined {
  if (word.length > 2 && word.startsWith("/") && word.endsWith("/")) {
    try {
      const expression = new RegExp(word.slice(1, -1), "i");
      return (text) => expression.test(text);
    } catch {
      return undefined;
    }
  }
  const lower = word.toLowerCase();
  return (text) => text.toLowerCase().includes(lower);
}

type Key = (task: TaskResource, cluster: Cluster) => string | number;

const KEYS: Readonly<Record<SortKey, Key>> = {
  name: (task) => nameKey(task),
  state: (task, { nodes }) => taskMark(task, nodes.get(task.nodeId)).word,
  node: (task) => task.nodeName,
  cpu: (task, cluster) => -(cluster.usage.get(task.id)?.cpuMillis ?? 0),
  memory: (task, cluster) => -(cluster.usage.get(task.id)?.memoryBytes ?? 0),
  restarts: (task) => -task.restarts,
  // Youngest first: a task that was just started should be seen.
  age: (task) => -task.createdMs,
};

/** The rows of the task table: the newest attempt of each slot that passes the filter, sorted. */
export function taskRows(cluster: Cluster, by: { readonly filter: string; readonly sort: Sort }): TaskResource[] {
  const { test } = parseFilter(by.filter);
  const key = KEYS[by.sort.by];
  const sign = by.sort.reverse ? -1 : 1;
  const rows = [...cluster.tasks.values()].filter((task) => task.current && test(task, cluster.nodes));
  const keyed = rows.map((task) => ({ task, key: key(task, cluster), name: nameKey(task) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key) || compare(a.name, b.name) || compare(a.task.id, b.task.id));
  return keyed.map((each) => each.task);
}

/** Digits of the longest number that counts as one in a name. */
const DIGITS = 12;
const nameKeys = new WeakMap<TaskResource, string>();

/** A task's name so that numbers in it sort by value: web.2 before web.10. Kept, because every change of the cluster sorts all rows. */
function nameKey(task: TaskResource): string {
  let key = nameKeys.get(task);
  if (key === undefined) {
    key = task.name.replace(/\d+/g, (digits) => digits.padStart(DIGITS, "0"));
    nameKeys.set(task, key);
  }
  return key;
}

/** Order by code units: the same on every machine. */
export function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
