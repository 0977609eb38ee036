/**
 * Ends a process with everything that belongs to it: signal to its group, grace, SIGKILL, and a look whether all are dead. Signals only what it has just
 * recognised by start time, group or mark; a number that another process has by now is left alone.
 */
import { fail, ok, type Result } from "../core/failure.ts";
import { readState, writeExit } from "./process-state.ts";
import { forEachMember, isAlive, mainOf, type ProcessIdentity, readStat, signalGroup } from "./process-supervisor.ts";

/** Between two looks while waiting for an end, ms. */
const LOOK_MS = 10;
/** How long SIGKILL may take. */
const KILL_MS = 10_000;
/** How long a supervisor may take to say how it ended. */
const LAST_WORD_MS = 2_000;
const SIGKILL = 9;
const KILLED = 128 + SIGKILL;

/** What to end. */
export interface ProcessStop {
  readonly directory: string;
  /** `NAME=value` that all its processes carry. */
  readonly mark: string;
  readonly signal: number;
  readonly graceMs: number;
}

/** Resolves when nothing of it lives any more. */
export async function stopProcess(stop: ProcessStop): Promise<Result<null>> {
  const main = mainOf(stop.directory);
  if (main && isAlive(main)) {
    signalGroup(main.pid, stop.signal);
    const endedByItself = await within(stop.graceMs, () => !isAlive(main));
    if (!(await within(KILL_MS, () => killed(main, stop.mark)))) return stuck(stop.directory);
    await within(LAST_WORD_MS, () => readState(stop.directory).kind === "exited");
    if (!endedByItself || stop.signal === SIGKILL) writeExit(stop.directory, KILLED);
    return ok(null);
  }
  return (await within(KILL_MS, () => killed(main, stop.mark))) ? ok(null) : stuck(stop.directory);
}

/** Kills what is left of an instance that ended by itself: what has left its group, and commands that were run beside it. */
export async function sweep(directory: string, mark: string): Promise<void> {
  await killed(mainOf(directory), mark);
}

/** Sends SIGKILL to whoever is left; true when nobody was. */
async function killed(main: ProcessIdentity | null, mark: string): Promise<boolean> {
  // The number of a dead leader is not given away as long as its group has members: a stranger with it means that the group is gone.
  const stat = main && readStat(main.pid);
  const gone = main === null || (stat !== null && stat.identity.startTicks !== main.startTicks);
  const left = await forEachMember(gone ? Number.NaN : main.pid, mark, (pid) => {
    try {
      process.kill(pid, SIGKILL);
    } catch {
      // It has ended meanwhile.
    }
  });
  return left === 0;
}

/** Looks until it is so or the time is over; whether it became so. */
async function within(timeMs: number, look: () => boolean | Promise<boolean>): Promise<boolean> {
  const untilMs = performance.now() + timeMs;
  while (!(await look())) {
    if (performance.now() >= untilMs) return false;
    await Bun.sleep(LOOK_MS);
  }
  return true;
}

function stuck(directory: string): Result<null> {
  const way = "it may be stuck in the kernel; look for state D on the node";
  return fail("transient", `process of ${directory} still runs after SIGKILL: ${way}`);
}
