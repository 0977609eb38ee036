/** The menu of what can be broken in a simulated cluster, made from the keymap like the help. Pure. */
import { bindingsOf, keyText } from "../keymap.ts";
import type { Binding } from "../keys/binding.ts";
import type { Model } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { cell, EMPTY, type Line, plain, span } from "./lines.ts";

const KEY_CELLS = 4;

/** What a fault is about. */
type About = "task" | "node" | "cluster";

const ABOUT: Readonly<Partial<Record<Binding["action"], About>>> = {
  "fault-kill": "task",
  "fault-crash": "node",
  "fault-cut": "node",
  "fault-power": "node",
  "fault-manager": "cluster",
  "fault-sleep": "cluster",
  "demo-background": "cluster",
};

/** The rows of the menu. */
export function faultLines(model: Model, width: number): Line[] {
  if (model.overlay?.kind !== "faults") return [];
  const bindings = bindingsOf({ context: "faults", readOnly: model.readOnly, demo: true });
  const group = (about: About): Line[] => [
    plain(titleOf(model, about), "title"),
    ...bindings.filter((each) => ABOUT[each.action] === about).flatMap((each) => rows(model, each, width)),
    EMPTY,
  ];
  const lines = [...group("task"), ...group("node"), ...group("cluster")];
  return [...lines, plain("It is a simulation: nothing real is touched.", "dim")];
}

function titleOf(model: Model, about: About): string {
  if (model.overlay?.kind !== "faults") return "";
  const { taskId, nodeId } = model.overlay;
  if (about === "task") return `Task ${model.shown.tasks.get(taskId)?.name ?? "(none is selected)"}`;
  if (about === "node") return `Node ${model.shown.nodes.get(nodeId)?.name ?? "(none is selected)"}`;
  return "Cluster";
}

function rows(model: Model, binding: Binding, width: number): Line[] {
  const reason = binding.disabled?.(model);
  const now = binding.action === "demo-background" ? ` (now ${model.demo?.background ? "on" : "off"})` : "";
  const text = reason === undefined ? binding.help + now : `${binding.short}: ${reason}`;
  const [first = "", ...rest] = wrap(text, Math.max(16, width - 2 - KEY_CELLS));
  const role = reason === undefined ? "plain" : "dim";
  const key = span(keyText(binding.keys[0] ?? "", model.unicode), reason === undefined ? "key" : "dim");
  return [
    [span("  "), cell(key, KEY_CELLS), span(first, role)],
    ...rest.map((more): Line => [span(" ".repeat(2 + KEY_CELLS)), span(more, role)]),
  ];
}
