/**
 * One process a directory, where no database's lock says so: a file with the holder's process id and start time. A file whose process is gone, or whose number is
 * another process by now, is taken over.
 */
import { linkSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { fail, ok, type Result } from "../core/failure.ts";

/** Takes the lock until disposed. Fails with `conflict` while another process has it. */
export function takePidLock(file: string): Result<Disposable> {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${process.pid} ${startTime(process.pid)}\n`, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (linked(draft, file)) return ok({ [Symbol.dispose]: () => rmSync(file, { force: true }) });
      const holder = livingHolder(file);
      if (holder !== undefined) {
        return fail(
          "conflict",
          `another worker (pid ${holder}) has this data directory: end it, or choose another with --data-dir`,
        );
      }
      rmSync(file, { force: true });
    }
    return fail("conflict", `${file} changes all the time: is another worker starting?`);
  } finally {
    unlinkSync(draft);
  }
}

/** A link either is made or is not, also when two try at once. */
function linked(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function livingHolder(file: string): number | undefined {
  try {
    const [pid = "", started = ""] = readFileSync(file, "utf8").trim().split(" ");
    return startTime(Number(pid)) === started && started !== "" ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); "alive" where there is no /proc, "" for no such process and for a dead one. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // One that is dead and only waits for its parent's look holds nothing; where process 1 takes its time, a restart would be refused.
    return state === "Z" || state === "X" ? "" : (fields[18] ?? "");
  } catch {
    if (process.platform === "linux") return "";
  }
  try {
    process.kill(pid, 0);
    return "alive";
  } catch {
    return "";
  }
}
