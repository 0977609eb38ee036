/**
 * What happened while nobody looked: on attaching, when the manager was out of reach, and on waking. Pure. It only waits and counts: what it tells comes from
 * the cluster's events and from nowhere else.
 */
import type { EventResource } from "../../client/resources.ts";
import { duration } from "../views/units.ts";
import { EVENTS_KEPT } from "./cluster.ts";
import { clusterMs, type Effect, type Model, type Step } from "./ui.ts";

/** What a summary says, and whether it is good news. */
export interface Summary {
  readonly text: string;
  readonly role: "good" | "warn";
}

/** So long without a tick, of which there is one a second, this machine has slept. In ms. */
const SLEPT_MS = 20_000;

/** Shorter absences of the manager are not worth a line, in ms. */
const SHORT_MS = 10_000;

/** After a wake nodes report within this time what they did meanwhile; a manager that settles longer is not waited for longer than that. In ms. */
const REPORT_MS = 5_000;
const PATIENCE_MS = 30_000;

/** Notes a beginning or an end of an absence, and asks for the events once they can be summed up. */
export function watchAbsence(before: Model, step: Step): Step {
  const model = noticed(before, step.model);
  const { meanwhile, nowMs } = model;
  if (meanwhile === undefined || meanwhile.dueMs === null || nowMs < meanwhile.dueMs) return { ...step, model };
  const { manager, revision } = model.live;
  const settles = (manager?.caution ?? "").startsWith("settling");
  if (settles && nowMs < meanwhile.dueMs + PATIENCE_MS) return { ...step, model };
  const told: Model = { ...model, meanwhile: undefined };
  // A store that has gone back, or another cluster: what was seen says nothing about it.
  if (manager?.clusterId !== meanwhile.clusterId || revision < meanwhile.revision) return { ...step, model: told };
  const ask: Effect = { kind: "meanwhile", since: meanwhile.revision, sinceMs: meanwhile.atMs };
  return { model: told, effects: [...step.effects, ask] };
}

function noticed(before: Model, model: Model): Model {
  const { live, nowMs } = model;
  const clusterId = live.manager?.clusterId;
  if (clusterId === undefined) return model;
  const here = { clusterId, revision: before.live.revision, atMs: clusterMs(before) };
  if (before.live.manager === undefined) return attached(model, clusterId);
  if (live.down !== "") return { ...model, meanwhile: { ...(model.meanwhile ?? here), dueMs: null } };
  if (before.live.down !== "") return returned(model);
  const slept = nowMs - before.nowMs > SLEPT_MS;
  return slept ? { ...model, meanwhile: { ...(model.meanwhile ?? here), dueMs: nowMs + REPORT_MS } } : model;
}

function attached(model: Model, clusterId: string): Model {
  const seen = model.seen.get(clusterId);
  if (seen === undefined || model.nowMs - seen.atMs < SHORT_MS) return model;
  return { ...model, meanwhile: { ...seen, clusterId, dueMs: model.nowMs } };
}

function returned(model: Model): Model {
  const { meanwhile, nowMs } = model;
  if (meanwhile === undefined) return model;
  const short = clusterMs(model) - meanwhile.atMs < SHORT_MS;
  return { ...model, meanwhile: short ? undefined : { ...meanwhile, dueMs: nowMs } };
}

/** The line about these events. `gap`: earlier ones are no longer kept. */
export function summarise(
  events: readonly EventResource[],
  at: { readonly forMs: number; readonly gap: boolean },
): Summary {
  const nodes = nodeNews(events);
  const tasks = taskNews(events);
  const news = [...nodes, ...tasks];
  const away = `while you were away (${duration(at.forMs)})`;
  const least = at.gap ? ", of what is still known" : "";
  if (news.length === 0)
    return { text: `${away}${least}: no node was lost, no task restarted or failed`, role: "good" };
  return { text: `${away}${least}: ${news.join(", ")}`, role: "warn" };
}

/** How the manager tells of a node (core/ingest.ts, manager/machine.ts, core/node-removal.ts). */
const NODE_NEWS = /^node (.+) (joined|is disconnected|is back|is removed)$/;

function nodeNews(events: readonly EventResource[]): string[] {
  const told = new Map<string, { out: boolean; last: string }>();
  for (const { kind, text } of events) {
    const [, name = "", what = ""] = kind.startsWith("node.") ? (NODE_NEWS.exec(text) ?? []) : [];
    if (name === "") continue;
    const out = told.get(name)?.out === true || what === "is disconnected";
    told.set(name, { out, last: what });
  }
  const groups = new Map<string, string[]>();
  for (const [name, { out, last }] of told) {
    const what = last === "is back" && out ? "went and is back" : WORDS[last];
    if (what !== undefined) groups.set(what, [...(groups.get(what) ?? []), name]);
  }
  return [...groups].map(([what, names]) => `${namesOf(names)} ${what}`);
}

const WORDS: Readonly<Record<string, string>> = {
  joined: "joined",
  "is disconnected": "went out of reach",
  "is back": "came back",
  "is removed": "left for good",
};

const NAMES_SHOWN = 3;

function namesOf(names: readonly string[]): string {
  return names.length > NAMES_SHOWN ? `${names.length} nodes` : names.join(" and ");
}

function taskNews(events: readonly EventResource[]): string[] {
  const told = events.filter(({ kind, text }) => kind === "task.put" && text !== "");
  const many = (count: number, what: string): string[] => (count === 0 ? [] : [`${count} ${what}`]);
  const restarts = told.filter(({ text }) => / restarts: /.test(text)).length;
  const replaced = events.filter(({ text }) => / is replaced: /.test(text)).length;
  const failed = told.filter(({ task }) => task?.state === "failed" || task?.state === "rejected").length;
  const lost = told.filter(({ task }) => task?.state === "lost").length;
  return [
    ...many(restarts, restarts === 1 ? "restart" : "restarts"),
    ...many(failed, "failed"),
    ...many(replaced, "replaced"),
    ...many(lost, "lost"),
  ];
}

/** A line of the UI's own among the events; it goes with the next snapshot. */
export function noted(model: Model, text: string): Model {
  const { live } = model;
  const line: EventResource = {
    revision: live.revision,
    atMs: clusterMs(model),
    actor: "",
    text,
    kind: "note",
    jobId: "",
    taskId: "",
    nodeId: "",
  };
  const next = { ...live, events: [...live.events, line].slice(-EVENTS_KEPT) };
  return { ...model, live: next, shown: model.paused ? model.shown : next };
}
