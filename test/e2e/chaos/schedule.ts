// A run as a file: every fault and everything that was asked, with moments and targets, so that it can be had again, cut down by hand and kept under regressions/.
// Real machines add their own timing: a replay repeats the faults and the requests, never the interleaving. One line per fault and request; pure.
import { z } from "zod";
import type { TimedAsk } from "./ask.ts";
import { FAULT_KINDS, type Fault, type FaultKind, isOfNode } from "./fault.ts";

/** A step of a run. */
export interface Step {
  /** What is asked until enough tasks run; the faults begin after the last of it. */
  readonly before: readonly TimedAsk[];
  /** Moments are told from the same one as those of `meanwhile`. */
  readonly faults: readonly Fault[];
  readonly meanwhile: readonly TimedAsk[];
}

/** A run as it was, or as it is to be. */
export interface Schedule {
  /** What did not balance; "" when all did. */
  readonly was: string;
  readonly commit: string;
  /** It was drawn by; decides nothing here. */
  readonly seed: number;
  /** What is asked before the first fault. */
  readonly opening: readonly TimedAsk[];
  readonly steps: readonly Step[];
  /** How long nothing may move at the end, ms. */
  readonly quietMs: number;
}

const NODE = /^n[1-9]$/;
const ms = z.number().int().nonnegative();
const job = z.string().regex(/^[a-z][a-z0-9-]*$/);
const ask = z.discriminatedUnion("do", [
  z.strictObject({
    atMs: ms,
    do: z.literal("submit"),
    job,
    kind: z.enum(["service", "batch"]),
    count: z.number().int().positive(),
    replace: z.boolean(),
  }),
  z.strictObject({ atMs: ms, do: z.enum(["repeat", "stop", "start", "remove"]), job }),
]);
const fault = z
  .strictObject({
    kind: z.enum(FAULT_KINDS as [FaultKind, ...FaultKind[]]),
    node: z.string().regex(NODE).optional(),
    afterMs: ms,
    holdMs: ms,
    force: z.number().min(0).lt(1),
    hit: z.array(z.string()).optional(),
  })
  .refine(({ kind, node }) => isOfNode(kind) === (node !== undefined), "a fault of a node names it, and no other does")
  .transform(({ node = "n1", hit, ...rest }): Fault => {
    return { ...rest, node: Number(node.slice(1)) - 1, ...(hit !== undefined && { hit }) };
  });
const schedule = z.strictObject({
  format: z.literal(1),
  was: z.string(),
  commit: z.string(),
  seed: z.number(),
  quietMs: ms,
  opening: z.array(ask),
  steps: z.array(z.strictObject({ before: z.array(ask), faults: z.array(fault), meanwhile: z.array(ask) })),
});

/** Reads what `scheduleText` has written, or somebody by hand; throws with the place of what it cannot take. */
export function readSchedule(text: string): Schedule {
  const { success, data, error } = schedule.safeParse(JSON.parse(text));
  if (!success) throw new Error(`this is no schedule of a soak:\n${z.prettifyError(error)}`);
  const { format: _, ...rest } = data;
  return rest;
}

/** JSON with a line for each fault and each request, so that shortening it is deleting lines. */
export function scheduleText({ was, commit, seed, quietMs, opening, steps }: Schedule): string {
  const head = Object.entries({ format: 1, was, commit, seed, quietMs });
  const lines = [
    ...head.map(([key, value]) => `"${key}": ${JSON.stringify(value)}`),
    `"opening": ${list(opening.map(line), 1)}`,
    `"steps": ${list(steps.map(stepText), 1)}`,
  ];
  return `{\n${lines.map((each) => `  ${each}`).join(",\n")}\n}\n`;
}

function stepText({ before, faults, meanwhile }: Step): string {
  const parts = [
    `"before": ${list(before.map(line), 3)}`,
    `"faults": ${list(faults.map(faultLine), 3)}`,
    `"meanwhile": ${list(meanwhile.map(line), 3)}`,
  ];
  return `{\n${parts.map((part) => `      ${part}`).join(",\n")}\n    }`;
}

function faultLine({ kind, node, afterMs, holdMs, force, hit }: Fault): string {
  return line({ kind, ...(isOfNode(kind) && { node: `n${node + 1}` }), afterMs, holdMs, force, ...(hit && { hit }) });
}

/** One object on one line. */
function line(value: object): string {
  const fields = Object.entries(value).map(
    ([key, content]) => `"${key}": ${JSON.stringify(content).replaceAll('","', '", "')}`,
  );
  return `{ ${fields.join(", ")} }`;
}

function list(items: readonly string[], depth: number): string {
  if (items.length === 0) return "[]";
  const indent = "  ".repeat(depth);
  return `[\n${items.map((item) => `${indent}  ${item}`).join(",\n")}\n${indent}]`;
}
