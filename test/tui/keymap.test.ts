import { describe, expect, test } from "bun:test";
import { bindingsOf, KEYMAP, keyText, lookup } from "../../src/tui/keymap.ts";
import type { Context } from "../../src/tui/state/ui.ts";
import { Play } from "./play.ts";
import { emptyCluster, smallCluster } from "./records.ts";

const CONTEXTS: readonly Context[] = [
  "tasks",
  "nodes",
  "scores",
  "events",
  "help",
  "detail",
  "why",
  "node",
  "errors",
  "form",
  "logs",
  "dialog",
];

/** Keys that mean two things in one context, as `context key`. */
function clashes(): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const binding of KEYMAP) {
    for (const context of binding.where) {
      for (const key of binding.keys) {
        const at = `${context} ${key}`;
        if (seen.has(at)) found.push(at);
        seen.add(at);
      }
    }
  }
  return found;
}

describe("keymap", () => {
  test("gives no key two meanings in one place", () => {
    expect(clashes()).toEqual([]);
  });

  test("has a way out of every place", () => {
    const out = ["close", "leave", "dialog-cancel"];
    const stuck = CONTEXTS.filter(
      (context) => !bindingsOf({ context, readOnly: true }).some((each) => out.includes(each.action)),
    );
    expect(stuck).toEqual([]);
  });

  test("never needs Escape alone to get out: another key closes too, except where letters are typed", () => {
    const needs = CONTEXTS.filter((context) => {
      const closing = bindingsOf({ context, readOnly: false }).filter((each) =>
        ["close", "leave", "dialog-cancel", "interrupt"].includes(each.action),
      );
      return closing.every((each) => each.keys.every((key) => key === "escape"));
    });
    expect(needs).toEqual([]);
  });

  test("has in read-only mode no key that changes the cluster", () => {
    const changing = new Set(KEYMAP.filter((each) => each.changes === true).map((each) => each.action));
    expect([...changing].sort()).toEqual([
      "cordon",
      "new-task",
      "node-add",
      "node-remove",
      "remove",
      "restart",
      "shell",
      "start",
      "stop",
      "stop-manager",
      "uncordon",
    ]);
    for (const context of CONTEXTS) {
      expect(bindingsOf({ context, readOnly: true }).some((each) => changing.has(each.action))).toBe(false);
    }
  });

  test("does what it says in every place: no binding of any context is without an effect or a reason", () => {
    const play = new Play(smallCluster());
    for (const binding of bindingsOf({ context: "tasks", readOnly: false })) {
      for (const key of binding.keys) expect(lookup(play.model, key)).toBeDefined();
    }
  });

  test("says why a key can do nothing", () => {
    const empty = new Play(emptyCluster());
    expect(lookup(empty.model, "x")).toEqual({ disabled: "no task is selected" });
    const failed = new Play(smallCluster()).press("/", "type:report", "enter");
    expect(lookup(failed.model, "x")).toEqual({ disabled: "report has ended already (failed)" });
    expect(lookup(failed.model, "e")).toEqual({ disabled: "report is not running" });
  });

  test("shows the reason in the footer when the key is pressed", () => {
    expect(new Play(emptyCluster()).press("l").footer()).toContain("no task is selected");
  });

  test("writes keys as people do", () => {
    expect(["C-d", "enter", "S-tab", "up", "D"].map((key) => keyText(key, true))).toEqual([
      "Ctrl-d",
      "Enter",
      "Shift-Tab",
      "↑",
      "D",
    ]);
    expect(keyText("up", false)).toBe("Up");
  });
});
