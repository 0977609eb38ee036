/** The end of an incarnation: what it was, and whether another follows. Restart policy applies here and nowhere else. */
import { isLocalTask } from "../core/local-task.ts";
import { decideRestart } from "../core/restart.ts";
import { DEFAULT_RESTART } from "../core/spec.ts";
import { beginIncarnation, type KnownInstance, recordExit, resetProbes, rise, type TaskRun } from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

/** How it ended, as far as known. */
export interface End {
  readonly code: number | null;
  readonly oomKilled: boolean;
  readonly reason: string;
}

/** What the present incarnation's last sight says of its end. */
export function endOf(run: TaskRun, instance: KnownInstance | null): End {
  if (run.startFailure !== null)
    return { code: null, oomKilled: false, reason: `it did not start: ${run.startFailure.message}` };
  if (run.fact.health === "unhealthy") return { code: null, oomKilled: false, reason: run.fact.message || "unhealthy" };
  if (instance === null) return { code: null, oomKilled: false, reason: "container is gone" };
  if (instance.status === "created")
    return { code: null, oomKilled: false, reason: "container was made anew by somebody else" };
  return { code: instance.exitCode, oomKilled: instance.oomKilled, reason: exitReason(instance) };
}

/** Records the end and goes on: a next incarnation, or a state that is final. */
export function conclude(run: TaskRun, end: End, turn: Turn): void {
  const { incarnation } = run.fact;
  recordExit(run, { incarnation, ...end, atMs: turn.time.wallMs });
  const serial = run.assignment?.restartSerial ?? 0;
  if (serial > run.answeredSerial) {
    run.answeredSerial = serial;
    beginIncarnation(run, { incarnation: incarnation + 1, message: "restarted on command" });
    return;
  }
  const well = run.probes.wellSinceMs;
  // A task that is nobody's to place elsewhere is never given up.
  const decision = decideRestart({
    policy: run.assignment?.spec.restart ?? DEFAULT_RESTART,
    ending: {
      exitCode: end.code,
      healthyForMs: well === null ? 0 : turn.time.monoMs - well,
      linked: turn.linked && !isLocalTask(run.taskId),
    },
    history: run.history,
    nowMs: turn.time.monoMs,
    draw: turn.draw,
  });
  if (decision.kind === "complete") {
    finish(run, "complete", end.reason, turn);
    return;
  }
  if (decision.kind === "failed") {
    finish(run, "failed", [decision.reason, end.reason].filter((part) => part !== "").join("; last: "), turn);
    return;
  }
  run.history = decision.history;
  turn.log("info", `${nameOf(run)}: ${end.reason}; starts again in ${Math.round(decision.delayMs / 100) / 10} s`);
  beginIncarnation(run, { incarnation: incarnation + 1, message: end.reason });
  run.restartAtMs = turn.time.monoMs + decision.delayMs;
}

/** Writes a final state. */
export function finish(
  run: TaskRun,
  state: "complete" | "failed" | "rejected" | "stopped",
  message: string,
  turn: Turn,
): void {
  rise(run, state, { message, finishedMs: turn.time.wallMs });
  run.restartAtMs = null;
  run.endIsPlanned = false;
  run.startFailure = null;
  run.needsList = false;
  run.retries.clear();
  resetProbes(run.probes);
  turn.log(
    state === "failed" || state === "rejected" ? "warn" : "info",
    `${nameOf(run)}: ${state}${message === "" ? "" : `: ${message}`}`,
  );
}

function exitReason(instance: KnownInstance): string {
  if (instance.oomKilled) return "killed: out of memory";
  if (instance.exitCode === null) return instance.error || "ended with an unknown exit code";
  const meaning = instance.error || USUAL_MEANING[instance.exitCode];
  return `exit code ${instance.exitCode}${meaning === undefined ? "" : `: ${meaning}`}`;
}

/** What shells and kernels mean by these codes; a program may mean something else, so the code itself always comes first. */
const USUAL_MEANING: Readonly<Record<number, string>> = {
  126: "the command cannot be executed",
  127: "the command was not found",
  134: "aborted (SIGABRT)",
  137: "killed (SIGKILL)",
  139: "crashed (SIGSEGV)",
  143: "ended on request (SIGTERM)",
};
