/** `cube why`: the newest decision on a task with every node's score and its parts, and every refusal's reason. */
import { absenceAdvice } from "../../client/absence.ts";
import { ClientError, type ClusterClient } from "../../client/cluster-client.ts";
import type { DecisionResource, TaskResource } from "../../client/resources.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { boldFor } from "../io.ts";
import { agoWithin, score } from "../quantities.ts";
import { type Column, renderTable } from "../table.ts";
import { stateLine } from "../task-words.ts";
import { clean, jsonText } from "../text.ts";

export const WHY: CommandSpec = {
  name: "why",
  usage: ["[--json] TASK"],
  summary: "show why a task was placed where it is, or why nowhere",
  details: ["The lowest score wins; the first of equals."],
  parameters: ["<task>"],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  completes: "task",
  run: runWhy,
};

async function runWhy(context: Context): Promise<number> {
  const { io } = context;
  const [ref = ""] = context.args;
  const client = await context.client();
  if (context.flags.json === true) {
    io.stdout.write(`${jsonText(await client.decision(ref))}\n`);
    return 0;
  }
  const task = await orNothing(client.task(ref));
  const advice = task === undefined ? "" : await adviceOn(client, task);
  // Of a task there is something to say even without one, and a decision may outlive its task.
  const decision = task === undefined ? await client.decision(ref) : await orNothing(client.decision(ref));
  const width = io.stdout.isTTY ? io.stdout.columns : null;
  const options = { nowMs: io.nowMs(), width, bold: boldFor(io) };
  const reasons = decision === undefined ? "" : decisionText(decision, options);
  const state = task === undefined ? "" : `${clean(stateLine(task, io.nowMs()))}\n`;
  const none = decision === undefined && advice === "" ? "no decision on it is kept\n" : "";
  io.stdout.write([state, advice, reasons, none].filter((part) => part !== "").join("\n"));
  return 0;
}

/** What is asked for, or undefined where there is no such thing. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  return await asked.catch((error: unknown) => {
    if (error instanceof ClientError && error.code === "not_found") return undefined;
    throw error;
  });
}

/** What the choices are for a task whose node is out; "" for any other. */
async function adviceOn(client: ClusterClient, task: TaskResource): Promise<string> {
  if (task.nodeId === "") return "";
  const node = await client.node(task.nodeId).catch(() => undefined);
  if (node === undefined || node.state === "ready") return "";
  const [job, manager] = await Promise.all([client.job(task.jobId).catch(() => undefined), client.manager()]);
  const lines = absenceAdvice({ task, node, job, caution: manager.caution ?? "" });
  return lines.map((line) => `${clean(line)}\n`).join("");
}

interface TextOptions {
  readonly nowMs: number;
  readonly width: number | null;
  readonly bold?: (text: string) => string;
}

/** The decision for people: what was decided, the nodes that could have run it, the nodes that could not. Pure. */
function decisionText(decision: DecisionResource, options: TextOptions): string {
  const where = decision.nodeId === null ? "not placed: " : "";
  const head = `${clean(`${where}${decision.summary} (${decision.scheduler}, ${agoWithin(decision.atMs, options.nowMs)})`)}\n`;
  return [head, candidates(decision, options), refusals(decision, options)].filter((part) => part !== "").join("\n");
}

function candidates(decision: DecisionResource, options: TextOptions): string {
  if (decision.candidates.length === 0) return "";
  const names = [...new Set(decision.candidates.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const columns: Column[] = [
    { title: "", shrink: 1 },
    { title: "NODE", shrink: 12 },
    { title: "SCORE", align: "right" },
    ...names.map((name): Column => ({ title: clean(name).toUpperCase(), align: "right" })),
  ];
  const rows = decision.candidates.map(({ nodeId, nodeName, score: total, parts }) => {
    const values = new Map(parts.map(({ name, value }) => [name, score(value)]));
    return [
      nodeId === decision.nodeId ? "*" : "",
      nodeName,
      score(total),
      ...names.map((name) => values.get(name) ?? "-"),
    ];
  });
  return renderTable(columns, rows, options) + leftOut(decision.candidateCount - rows.length);
}

function refusals(decision: DecisionResource, options: TextOptions): string {
  if (decision.refusals.length === 0) return "";
  const columns: Column[] = [{ title: "REFUSED", shrink: 12 }, { title: "FILTER" }, { title: "REASON", shrink: 20 }];
  const rows = decision.refusals.map(({ nodeName, filter, reason }) => [nodeName, filter, reason]);
  return renderTable(columns, rows, options) + leftOut(decision.refusalCount - rows.length);
}

function leftOut(count: number): string {
  return count > 0 ? `and ${count} more\n` : "";
}
