/** Everything about one task: what it is, how it is, where and why, what it asked for, and how its attempts ended. Pure. */
import { absenceAdvice } from "../../client/absence.ts";
import type { JobResource, TaskResource } from "../../client/resources.ts";
import type { HealthProbe, PortMapping, TaskSpec } from "../../core/spec.ts";
import type { Model } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { cell, EMPTY, type Line, plain, type Role, span } from "./lines.ts";
import { isOut, markSpan, taskMark, taskSays } from "./signs.ts";
import { age, bytes, clock, commandLine, cores, coresAligned, duration } from "./units.ts";

const LABEL_CELLS = 12;

/** The page of a task. */
export function detailLines(model: Model, at: { readonly taskId: string; readonly width: number }): Line[] {
  const task = model.shown.tasks.get(at.taskId);
  if (task === undefined) return [plain("this task is gone", "warn")];
  const job = model.shown.jobs.get(task.jobId);
  const spec = job?.services.find((service) => service.name === task.service)?.task;
  const field = fields(at.width);
  return [
    ...stateLines(model, task, field),
    EMPTY,
    ...placeLines(model, task, field),
    EMPTY,
    ...specLines(spec, task, field),
    ...exitLines(model, task),
    ...attemptLines(model, task),
    EMPTY,
    ...idLines(task, job, field),
  ];
}

type Field = (label: string, text: string, role?: Role) => Line[];

/** A labelled value, wrapped under itself; nothing for an empty one. */
function fields(width: number): Field {
  return (label, text, role = "plain") => {
    if (text === "") return [];
    return wrap(text, Math.max(10, width - LABEL_CELLS)).map((line, i) => [
      cell(span(i === 0 ? label : "", "dim"), LABEL_CELLS),
      span(line, role),
    ]);
  };
}

function stateLines(model: Model, task: TaskResource, field: Field): Line[] {
  const says = taskSays(task, { progress: model.shown.progress.get(task.id), nowMs: model.nowMs });
  const use = model.shown.usage.get(task.id);
  const node = model.shown.nodes.get(task.nodeId);
  const since = task.state === "running" && !isOut(task, node) ? ` for ${age(task.startedMs, model.nowMs)}` : "";
  const state: Line = [
    cell(span("State", "dim"), LABEL_CELLS),
    markSpan(taskMark(task, node), model.unicode),
    span(`${since}${task.desired === "run" ? "" : `, wanted: ${task.desired}`}`),
  ];
  return [
    state,
    ...field("Says", says, task.state === "failed" || task.state === "rejected" ? "bad" : "plain"),
    ...field("Health", task.health === "unknown" ? "" : task.health, task.health === "healthy" ? "good" : "warn"),
    ...field("Restarts", task.restarts > 0 ? `${task.restarts}` : "", "warn"),
    ...field(
      "Uses",
      use === undefined ? "" : `${coresAligned(use.cpuMillis)} cores, ${bytes(use.memoryBytes)} of memory`,
    ),
  ];
}

function placeLines(model: Model, task: TaskResource, field: Field): Line[] {
  const { nodes, jobs, manager } = model.shown;
  const caution = manager?.caution ?? "";
  const advice = absenceAdvice({ task, node: nodes.get(task.nodeId), job: jobs.get(task.jobId), caution });
  const { cpuMillis, memoryBytes, diskBytes } = task.reserved;
  const disk = diskBytes > 0 ? `, ${bytes(diskBytes)} of disk` : "";
  return [
    ...field("Node", task.nodeName === "" ? "none yet" : task.nodeName),
    ...field("Why", task.reason),
    ...advice.flatMap((line, i) => field(i === 0 ? "Node out" : "", line, "warn")),
    ...field(
      "Reserves",
      `${cores(cpuMillis)} cores, ${bytes(memoryBytes)} of memory${disk}${task.assumed ? " (assumed)" : ""}`,
    ),
    ...field("Ports", task.ports.map(portText).join(", ")),
  ];
}

function portText(port: PortMapping): string {
  const host = port.hostPort === 0 ? "any" : String(port.hostPort);
  return `${port.hostIp === "" ? "" : `${port.hostIp}:`}${host} → ${port.containerPort}/${port.protocol}`;
}

function specLines(spec: TaskSpec | undefined, task: TaskResource, field: Field): Line[] {
  return [
    ...field("Runtime", task.runtime),
    ...field("Image", task.image),
    ...field("Command", commandLine(task.command)),
    ...(spec === undefined ? [] : moreSpec(spec, field)),
  ];
}

function moreSpec(spec: TaskSpec, field: Field): Line[] {
  // Only the names: a value may be a secret, and the screen is looked at by more people than one.
  const names = Object.keys(spec.env).join(" ");
  return [
    ...field("Variables", names),
    ...field(
      "Mounts",
      spec.mounts
        .map((mount) => `${mount.source || mount.kind} → ${mount.target}${mount.readOnly ? " (ro)" : ""}`)
        .join(", "),
    ),
    ...field(
      "Restart",
      `${spec.restart.condition}${spec.restart.condition === "no" ? "" : `, at most ${spec.restart.attempts} in ${duration(spec.restart.windowMs)}`}`,
    ),
    ...field(
      "Check",
      spec.health === null
        ? ""
        : `${probeText(spec.health.probe)} every ${duration(spec.health.intervalMs)}, ${spec.health.retries} failures`,
    ),
    ...field("Needs", spec.constraints.map((each) => `${each.key} ${each.operator} ${each.value}`).join(", ")),
    ...field("Stop", `${spec.stopSignal || "SIGTERM"}, then SIGKILL after ${duration(spec.stopGraceMs)}`),
  ];
}

function probeText(probe: HealthProbe): string {
  if (probe.kind === "http") return `GET ${probe.path}${probe.port === 0 ? "" : ` on port ${probe.port}`}`;
  return probe.kind === "tcp" ? `tcp ${probe.port}` : commandLine(probe.command);
}

function exitLines(model: Model, task: TaskResource): Line[] {
  if (task.exits.length === 0) return [];
  const rows = task.exits
    .toReversed()
    .map(
      (exit): Line => [
        cell(span(clock(exit.atMs + model.zoneMs), "dim"), LABEL_CELLS),
        cell(span(exit.code === null ? "no code" : `code ${exit.code}`, exit.code === 0 ? "plain" : "bad"), 10),
        span(`${exit.oomKilled ? "out of memory  " : ""}${exit.reason}`),
      ],
    );
  return [EMPTY, plain("How it ended before", "title"), ...rows];
}

/** Attempts shown; older ones are on the command line. */
const ATTEMPTS_SHOWN = 8;

function attemptLines(model: Model, task: TaskResource): Line[] {
  const same = [...model.shown.tasks.values()].filter(
    (each) =>
      each.jobId === task.jobId && each.service === task.service && each.slot === task.slot && each.id !== task.id,
  );
  if (same.length === 0) return [];
  const rows = same
    .sort((a, b) => b.attempt - a.attempt)
    .slice(0, ATTEMPTS_SHOWN)
    .map(
      (each): Line => [
        cell(span(`attempt ${each.attempt}`, "dim"), LABEL_CELLS),
        cell(markSpan(taskMark(each, model.shown.nodes.get(each.nodeId)), model.unicode), 15),
        span(`${each.nodeName === "" ? "no node" : each.nodeName}  ${each.message}`, "dim"),
      ],
    );
  return [EMPTY, plain(`Other attempts (this is ${task.attempt})`, "title"), ...rows];
}

function idLines(task: TaskResource, job: JobResource | undefined, field: Field): Line[] {
  return [
    ...field(
      "Job",
      job === undefined ? task.jobId : `${job.name}, version ${job.version}, ${job.kind}, by ${job.actor}`,
    ),
    ...field("Job id", task.jobId),
    ...field("Task id", task.id),
    ...field("Container", task.containerId),
  ];
}
