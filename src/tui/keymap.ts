// The keys as data, joined: bindings, footer and help are made from this one table, so a key that is not here does not
// exist and a key that is here is never dead. Pure.
import type { ActionId, Binding } from "./keys/binding.ts";
import { DIALOG_KEYS } from "./keys/dialog-keys.ts";
import { LOG_KEYS } from "./keys/log-keys.ts";
import { NODE_KEYS } from "./keys/node-keys.ts";
import { TASK_KEYS } from "./keys/task-keys.ts";
import { VIEW_KEYS } from "./keys/view-keys.ts";
import { type Context, contextOf, type Model } from "./state/ui.ts";

/** Every key of the UI; the order is that of footer and help. */
export const KEYMAP: readonly Binding[] = [...TASK_KEYS, ...NODE_KEYS, ...LOG_KEYS, ...VIEW_KEYS, ...DIALOG_KEYS];

/** The bindings of a context, without those that change things in read-only mode. */
export function bindingsOf(at: { readonly context: Context; readonly readOnly: boolean }): Binding[] {
  return KEYMAP.filter((each) => each.where.includes(at.context) && !(at.readOnly && each.changes === true));
}

/** What a key does now: its action, or why it can do nothing; undefined for a key without meaning here. */
export function lookup(
  model: Model,
  key: string,
): { readonly action: ActionId } | { readonly disabled: string } | undefined {
  const bindings = bindingsOf({ context: contextOf(model), readOnly: model.readOnly });
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
