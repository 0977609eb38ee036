/** What becomes of a task whose node is out of reach, and what the choices are, in words: the same for `cube why` and for the UI. Pure. */
import { staysWithNode } from "../core/absence.ts";
import { holdsBack } from "../core/caution.ts";
import { patience } from "../core/handover.ts";
import type { TaskSpec } from "../core/spec.ts";
import { isTerminal } from "../core/task.ts";
import type { JobResource, NodeResource, TaskResource } from "./resources.ts";

/** What is known of a task and of where it is. */
export interface Whereabouts {
  readonly task: TaskResource;
  readonly node: NodeResource | undefined;
  readonly job: JobResource | undefined;
  /** The manager's caution: why it acts on no absence just now, or another; "" for none. */
  readonly caution: string;
}

/** A sentence each; none while the task's node is there. */
export function absenceAdvice({ task, node, job, caution }: Whereabouts): string[] {
  if (node === undefined || node.state === "ready" || isTerminal(task.state)) return [];
  const spec = job?.services.find((service) => service.name === task.service)?.task;
  const out = `${node.name} is ${node.state}${node.reason === "" ? "" : ` (${node.reason})`}`;
  if (spec === undefined) return [`${out}.`];
  if (staysWithNode(spec)) return [`${out}.`, ...boundTo(node, spec)];
  if (holdsBack(caution)) return [`${out}.`, ...endedThere(spec, node), `It is not replaced now: ${caution}.`];
  return [`${out}.`, replaced(spec, node), ...(caution === "" ? [] : [`Caution: ${caution}.`])];
}

function endedThere({ disconnect: { stopAfterMs } }: TaskSpec, node: NodeResource): string[] {
  return stopAfterMs === null ? [] : [`It is ended there ${seconds(stopAfterMs)} after ${node.name} was left alone.`];
}

/** A task that nothing replaces: its data is there, or it was asked to stay. */
function boundTo(node: NodeResource, spec: TaskSpec): string[] {
  const volumes = spec.mounts.filter(({ kind, source }) => kind === "volume" && source !== "");
  const names = [...new Set(volumes.map(({ source }) => source))].join(", ");
  const why =
    names === ""
      ? `It stays with ${node.name}: its job says that it is not replaced.`
      : `Its data is on ${node.name} (volume ${names}), so nothing takes its place elsewhere.`;
  const choices = [
    `wait until ${node.name} is back`,
    `restore ${node.name} with its data`,
    `or give it up: \`cube node rm --force ${node.name}\` starts it elsewhere${names === "" ? "" : ", empty"}`,
  ];
  return [why, `The choices: ${choices.join("; ")}.`];
}

function replaced(spec: TaskSpec, node: NodeResource): string {
  const { replaceAfterMs, lostAfterMs } = patience(spec);
  if (spec.disconnect.stopAfterMs !== null)
    return `It is ended there ${seconds(spec.disconnect.stopAfterMs)} after ${node.name} was left alone, and replaced elsewhere once that has surely happened, ${seconds(replaceAfterMs)} after ${node.name} went.`;
  return `It is replaced elsewhere ${seconds(replaceAfterMs)} after ${node.name} went; back within ${seconds(lostAfterMs)}, the original may be kept.`;
}

function seconds(ms: number): string {
  return ms >= 120_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 1_000)} s`;
}
