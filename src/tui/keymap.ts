/**
 * The keys as data, joined: bindings, footer and help are made from this one table, so a key that is not here does not exist and a key that is here is never
 * dead. Pure.
 */
import type { ActionId, Binding } from "./keys/binding.ts";
import { DEMO_KEYS } from "./keys/demo-keys.ts";
import { DIALOG_KEYS } from "./keys/dialog-keys.ts";
import { LOG_KEYS } from "./keys/log-keys.ts";
import { NODE_KEYS } from "./keys/node-keys.ts";
import { TASK_KEYS } from "./keys/task-keys.ts";
import { VIEW_KEYS } from "./keys/view-keys.ts";
import { type Context, contextOf, type Model } from "./state/ui.ts";

/** Every key of the UI; the order is that of footer and help. */
export const KEYMAP: readonly Binding[] = [...TASK_KEYS, ...NODE_KEYS, ...LOG_KEYS, ...VIEW_KEYS, ...DIALOG_KEYS];

/** With a simulated cluster its own keys come first, and take their places from others. There is no manager to stop in it. */
export const DEMO_KEYMAP: readonly Binding[] = [
  ...DEMO_KEYS,
  ...KEYMAP.filter(({ action }) => action !== "stop-manager")
    .map((each) => ({ ...each, keys: each.keys.filter((key) => !isDemos(each, key)) }))
    .filter(({ keys }) => keys.length > 0),
];

function isDemos({ where }: Binding, key: string): boolean {
  return DEMO_KEYS.some((demo) => demo.keys.includes(key) && demo.where.some((context) => where.includes(context)));
}

/** All the keys that there are for a model. */
export function keymapOf({ demo }: { readonly demo?: unknown }): readonly Binding[] {
  return demo === undefined || demo === false ? KEYMAP : DEMO_KEYMAP;
}

/** The bindings of a context, without those that change things in read-only mode; with those of a simulated cluster if it is one. */
export function bindingsOf(at: {
  readonly context: Context;
  readonly readOnly: boolean;
  readonly demo?: boolean;
}): Binding[] {
  return keymapOf(at).filter((each) => each.where.includes(at.context) && !(at.readOnly && each.changes === true));
}

/** What a key does now: its action, or why it can do nothing; undefined for a key without meaning here. */
export function lookup(
  model: Model,
  key: string,
): { readonly action: ActionId } | { readonly disabled: string } | undefined {
  const bindings = bindingsOf({
    context: contextOf(model),
    readOnly: model.readOnly,
    demo: model.demo !== undefined,
  });
  const binding = bindings.find((each) => each.keys.includes(key));
  if (binding === undefined) return undefined;
  const reason = binding.disabled?.(model);
  return reason === undefined ? { action: binding.action } : { disabled: reason };
}

const SHOWN: Readonly<Record<string, string>> = {
  enter: "Enter",
  escape: "Esc",
  space: "Space",
  tab: "Tab",
  "S-tab": "Shift-Tab",
  up: "↑",
  down: "↓",
  left: "←",
  right: "→",
  home: "Home",
  end: "End",
  pageup: "PgUp",
  pagedown: "PgDn",
};

const SHOWN_ASCII: Readonly<Record<string, string>> = { up: "Up", down: "Down", left: "Left", right: "Right" };

/** A key as people write it: `Ctrl-d`, `Enter`, `↑`. */
export function keyText(key: string, unicode: boolean): string {
  if (!unicode && SHOWN_ASCII[key] !== undefined) return SHOWN_ASCII[key];
  if (key.startsWith("C-")) return `Ctrl-${key.slice(2)}`;
  return SHOWN[key] ?? key;
}
