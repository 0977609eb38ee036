/** What the keys of a simulated cluster do: they ask the demo, which answers in a line. Pure. */
import type { DemoCommand, DemoFault } from "../demo.ts";
import { actedTask, type Model, type Step, selectedNode } from "./ui.ts";

/** Asks the demo for that. */
export const asksDemo =
  (kind: Exclude<DemoCommand["kind"], "fault">) =>
  (model: Model): Step => ({ model: closed(model), effects: [{ kind: "demo", command: { kind } }] });

/** Breaks that, on the task and the node for which the menu was opened. */
export const breaks =
  (fault: DemoFault) =>
  (model: Model): Step => {
    const { overlay } = model;
    if (overlay?.kind !== "faults") return { model, effects: [] };
    const { taskId, nodeId } = overlay;
    return { model: closed(model), effects: [{ kind: "demo", command: { kind: "fault", fault, taskId, nodeId } }] };
  };

/** Opens the menu, for what is selected now: moving rows do not change what a key in it is about. */
export function openFaults(model: Model): Step {
  const task = actedTask(model);
  const onNodes = model.overlay?.kind === "node" || (model.overlay === undefined && model.focus === "nodes");
  const nodeId = onNodes ? selectedNode(model)?.id : task?.nodeId;
  const overlay = { kind: "faults", taskId: task?.id ?? "", nodeId: nodeId ?? "", top: 0 } as const;
  return { model: { ...model, overlay }, effects: [] };
}

const closed = (model: Model): Model => (model.overlay?.kind === "faults" ? { ...model, overlay: undefined } : model);
