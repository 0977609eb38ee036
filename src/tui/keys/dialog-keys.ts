/** The keys of dialogs and forms as data. Pure. */
import type { Binding } from "./binding.ts";

/** What answers a question and fills in a form. */
export const DIALOG_KEYS: readonly Binding[] = [
  {
    keys: ["tab", "down"],
    action: "form-next",
    where: ["form"],
    short: "next field",
    help: "next field",
    group: "Dialogs and forms",
  },
  {
    keys: ["S-tab", "up"],
    action: "form-previous",
    where: ["form"],
    short: "",
    help: "previous field",
    group: "Dialogs and forms",
  },
  {
    keys: ["enter"],
    action: "form-submit",
    where: ["form"],
    short: "start it",
    help: "start the task",
    group: "Dialogs and forms",
  },
  {
    keys: ["escape"],
    action: "close",
    where: ["form"],
    short: "cancel",
    help: "close the form, nothing is started",
    group: "Dialogs and forms",
  },
  {
    keys: ["y"],
    action: "dialog-confirm",
    where: ["dialog"],
    short: "yes",
    help: "yes, do it (not where something must be typed)",
    group: "Dialogs and forms",
  },
  {
    keys: ["n", "escape", "q"],
    action: "dialog-cancel",
    where: ["dialog"],
    short: "no",
    help: "no",
    group: "Dialogs and forms",
  },
  {
    keys: ["tab", "S-tab", "left", "right"],
    action: "dialog-switch",
    where: ["dialog"],
    short: "other button",
    help: "to the other button",
    group: "Dialogs and forms",
  },
  {
    keys: ["enter"],
    action: "dialog-enter",
    where: ["dialog"],
    short: "press",
    help: "press the button in focus, which is Cancel at first",
    group: "Dialogs and forms",
  },
];
