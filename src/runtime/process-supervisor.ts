/**
 * Starts a process under a tiny /bin/sh supervisor in a session of its own, so that it outlives this program's sudden end, and tells whether it still lives.
 * The supervisor only waits: it writes down who runs and how it ended, and takes leftovers of the process group along. It never starts anything twice.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MARK } from "./process-spec.ts";

/** A process, told from a later one with the same number by its start time (clock ticks since the boot). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/** What a supervised start needs. */
export interface SupervisedStart {
  /** The instance's directory. */
  readonly directory: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Value of the variable that marks the instance's processes. */
  readonly mark: string;
}

/**
 * $1 directory, $2 the program setsid, $3 the mark, then the command. The command runs in the foreground: a background one would begin with SIGINT ignored. The
 * subshell keeps the shell's own "Killed" out of the output. `exec` keeps number and start time, so what the inner shell writes about itself is
 * the command's identity. Only what is exported here carries the mark: the supervisor itself must not, or it would be taken for a leftover.
 */
const SUPERVISOR = `
dir=$1; setsid=$2; export ${MARK}="$3"; shift 3
( exec "$setsid" /bin/sh -c 'read -r me <"/proc/$$/stat"; printf "%s\\n" "$me" >"$0/run/main"; exec "$@"' "$dir" "$@" </dev/null >>"$dir/stdout" 2>>"$dir/stderr" )
code=$?
read -r main rest <"$dir/run/main" && kill -s KILL -- "-$main"
printf '%s\\n' "$code" >"$dir/run/exit"
`;

/** Names of the files below `run/`, which exists from the first start on. */
export const RUN = {
  directory: "run",
  boot: "run/boot",
  supervisor: "run/supervisor",
  main: "run/main",
  exit: "run/exit",
} as const;

/** This boot of the machine; "" where it has no name. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Claims the only start of a directory; false when it was claimed before. */
export function claimStart(directory: string): boolean {
  try {
    mkdirSync(join(directory, RUN.directory), { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(directory, RUN.boot), `${bootId()}\n`);
  return true;
}

/** Starts the supervisor; its end is the end of the task. Throws when it cannot be started at all. */
export function supervise(start: SupervisedStart): { readonly exited: Promise<unknown> } {
  const setsid = Bun.which("setsid");
  if (setsid === null) throw new Error("the program setsid is missing: install util-linux");
  const child = Bun.spawn(
    ["/bin/sh", "-c", SUPERVISOR, "cube-supervisor", start.directory, setsid, start.mark, ...start.command],
    {
      cwd: start.cwd,
      env: { ...start.env },
      stdio: ["ignore", "ignore", "ignore"],
      detached: true,
    },
  );
  child.unref();
  // Written here and not by the shell: until it stands there, nothing would tell a start from a failed one.
  const identity = readStat(child.pid)?.identity;
  if (identity) writeFileSync(join(start.directory, RUN.supervisor), `${identity.pid} ${identity.startTicks}\n`);
  return { exited: child.exited };
}

/** Who the command's process is, as the inner shell wrote it; null while it is not there whole. */
export function mainOf(directory: string): ProcessIdentity | null {
  return parseStat(wholeLine(join(directory, RUN.main)))?.identity ?? null;
}

/** Who supervises it; null when nobody ever did. */
export function supervisorOf(directory: string): ProcessIdentity | null {
  const [pid, startTicks] = wholeLine(join(directory, RUN.supervisor)).split(" ").map(Number);
  return pid && startTicks ? { pid, startTicks } : null;
}

function wholeLine(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    return text.endsWith("\n") ? text.trim() : "";
  } catch {
    return "";
  }
}

/** True while this very process lives; one that only waits to be collected is dead. */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readStat(identity.pid);
  return stat !== null && stat.identity.startTicks === identity.startTicks && !"ZX".includes(stat.state);
}

/** One line of /proc/<pid>/stat (proc(5)). */
export interface ProcessStat {
  readonly identity: ProcessIdentity;
  readonly state: string;
  readonly group: number;
  /** CPU in clock ticks, with that of children that were waited for. */
  readonly cpuTicks: number;
}

/** What the kernel says of a process now; null when there is none. */
export function readStat(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return null;
  }
}

function parseStat(text: string): ProcessStat | null {
  // The name may hold spaces and brackets: the fields begin behind the last one.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const pid = Number.parseInt(text, 10);
  const startTicks = Number(fields[19]);
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(startTicks)) return null;
  const cpuTicks = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  return { identity: { pid, startTicks }, state: fields[0] ?? "", group: Number(fields[2]), cpuTicks };
}

/** Sends a signal to a whole process group; false when nobody is left in it. */
export function signalGroup(group: number, signal: number): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/** Between two breaths of a walk through all processes. */
const BREATH = 100;

/**
 * Acts on each living member of a process group and on whoever carries the mark in its environment, right after it was recognised; gives their number. Walks
 * through all processes of the machine (18 us each) and lets others run meanwhile.
 */
export async function forEachMember(group: number, mark: string, act: (pid: number) => void): Promise<number> {
  const wanted = `${mark}\0`;
  const ids = readdirSync("/proc").map(Number).filter(Number.isSafeInteger);
  let found = 0;
  for (const [at, pid] of ids.entries()) {
    if (at % BREATH === BREATH - 1) await Bun.sleep(0);
    const stat = readStat(pid);
    if (stat === null || "ZX".includes(stat.state) || pid === process.pid) continue;
    if (stat.group !== group && !environmentText(pid).includes(wanted)) continue;
    found += 1;
    act(pid);
  }
  return found;
}

function environmentText(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}
