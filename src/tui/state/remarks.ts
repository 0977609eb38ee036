/**
 * What the manager says of itself beside the tasks, as it changes: why it acts on no absence just now, what was done to its store, what its own worker cannot
 * do. Pure. Each new one is a line among the events, and in the list of errors.
 */
import { type Cluster, cautionOf } from "./cluster.ts";
import { noted } from "./meanwhile.ts";
import { clusterMs, ERRORS_KEPT, type Model } from "./ui.ts";

type Remark = "caution" | "notice" | "workerProblem";

const TITLES: Readonly<Record<Remark, string>> = {
  caution: "caution",
  notice: "about the store",
  workerProblem: "the manager's own worker",
};

/** Tells what is new since the state before. */
export function tellRemarks(before: Model, model: Model): Model {
  const { manager } = model.live;
  if (manager === undefined || manager === before.live.manager) return model;
  let next = model;
  for (const remark of ["caution", "notice", "workerProblem"] as const) {
    const was = textOf(before.live, remark);
    const now = textOf(model.live, remark);
    if (now === was) continue;
    if (now !== "") next = told(next, remark, now);
    else if (remark === "caution") next = noted(next, "caution is over: the manager acts on absences again");
  }
  return next;
}

const textOf = (cluster: Cluster, remark: Remark): string =>
  remark === "caution" ? cautionOf(cluster) : (cluster.manager?.[remark] ?? "");

function told(model: Model, remark: Remark, text: string): Model {
  const error = {
    atMs: clusterMs(model),
    code: remark === "workerProblem" ? "worker" : remark,
    message: text,
    hint: "",
  };
  // A manager that settles does what it always does after a start: no error, only a line.
  const errors = text.startsWith("settling") ? model.errors : [...model.errors, error].slice(-ERRORS_KEPT);
  return noted({ ...model, errors }, `${TITLES[remark]}: ${text}`);
}
