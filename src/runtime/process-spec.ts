/**
 * What a plain process can be asked to do. Pure but for looking a program and a directory up. Everything that could not be enforced is refused with words: a limit that
 * silently does nothing is worse than none.
 */
import { statSync } from "node:fs";
import { constants } from "node:os";
import { fail, ok, type Result } from "../core/failure.ts";
import type { TaskSpec } from "../core/spec.ts";

/** Variables of the worker's own environment that a task gets too; the rest may hold secrets of the worker. */
const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"] as const;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Marks every process of an instance, so that those are found that have left its process group. */
export const MARK = "CUBE_INSTANCE";

/** Fails with `invalid` for what a plain process cannot have. */
export function checkProcessSpec(spec: TaskSpec, cwd: string): Result<null> {
  const problem = problemOf(spec) || directoryProblem(spec) || programProblem(spec, cwd);
  return problem === "" ? ok(null) : fail("invalid", problem);
}

/** Program and arguments. */
export function argumentsOf(spec: TaskSpec): readonly string[] {
  return [...(spec.entrypoint ?? []), ...spec.command];
}

/** The environment of a task and of the commands inside it, without the mark. */
export function environmentOf(spec: TaskSpec): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return { PATH: DEFAULT_PATH, ...Object.fromEntries(passed), ...spec.env };
}

/** The number of a signal, given as docker does: a name with or without SIG, a real-time one as RTMIN+3, or a number; "" is SIGTERM. null for none. */
export function signalNumber(name: string): number | null {
  if (/^[1-9]\d?$/.test(name)) return Number(name) <= RTMAX ? Number(name) : null;
  const bare = name === "" ? "TERM" : name.replace(/^SIG/, "");
  const [, end, steps = "0"] = /^(RTMIN|RTMAX)(?:((?<=MIN)\+\d{1,2}|(?<=MAX)-\d{1,2}))?$/.exec(bare) ?? [];
  if (end !== undefined && process.platform === "linux")
    return realTime((end === "RTMIN" ? RTMIN : RTMAX) + Number(steps));
  const full = `SIG${bare === "CLD" ? "CHLD" : bare}`;
  return constants.signals[full as keyof typeof constants.signals] ?? null;
}

/** signal(7): what is left to programs of the C library's numbers. */
const RTMIN = 34;
const RTMAX = 64;

function realTime(number: number): number | null {
  return number >= RTMIN && number <= RTMAX ? number : null;
}

function problemOf(spec: TaskSpec): string {
  const { resources, privileges } = spec;
  const docker = "or use the runtime docker";
  if (spec.image !== "") return `image ${spec.image}: a plain process has no image: leave it out, ${docker}`;
  if (resources.memoryBytes > 0) return `memory limit: cannot be enforced on a plain process: leave it out, ${docker}`;
  if (resources.cpuMillis > 0) return `CPU limit: cannot be enforced on a plain process: leave it out, ${docker}`;
  if (spec.mounts.length > 0)
    return `mount ${spec.mounts[0]?.target}: a plain process sees the node's own files: leave it out, ${docker}`;
  if (spec.user !== "") return `user ${spec.user}: a plain process runs as the worker does: leave it out, ${docker}`;
  if (privileges.network === "none")
    return `network none: a plain process is on the node's network: leave it out, ${docker}`;
  if (
    privileges.privileged ||
    privileges.capAdd.length > 0 ||
    privileges.devices.length > 0 ||
    privileges.hostNamespaces.length > 0
  ) {
    return `privileges: a plain process has the worker's own: leave them out, ${docker}`;
  }
  if (signalNumber(spec.stopSignal) === null) return `stop signal ${spec.stopSignal}: there is no such signal`;
  return portProblem(spec) || environmentProblem(spec);
}

function portProblem(spec: TaskSpec): string {
  const moved = spec.ports.find((port) => port.hostPort !== 0 && port.hostPort !== port.containerPort);
  if (moved === undefined) return "";
  return `port ${moved.hostPort}:${moved.containerPort}: a plain process listens on the node itself: give both the same number`;
}

function environmentProblem(spec: TaskSpec): string {
  const entry = Object.entries(spec.env).find(([key, value]) => !/^[^=\0]+$/.test(key) || value.includes("\0"));
  return entry ? `environment variable ${JSON.stringify(entry[0])}: not a name, or a value with a zero byte` : "";
}

function directoryProblem({ workingDir }: TaskSpec): string {
  if (workingDir === "" || statSync(workingDir, { throwIfNoEntry: false })?.isDirectory()) return "";
  return `working directory ${workingDir}: not a directory on this node: create it first`;
}

function programProblem(spec: TaskSpec, cwd: string): string {
  const [program] = argumentsOf(spec);
  if (program === undefined || program === "") return "no command: a plain process needs a program to run";
  if (argumentsOf(spec).some((argument) => argument.includes("\0")))
    return `command ${program}: an argument with a zero byte`;
  const { PATH = DEFAULT_PATH } = environmentOf(spec);
  if (Bun.which(program, { PATH, cwd }) !== null) return "";
  return `program ${program}: not found on this node, or not executable: install it, or give its full path`;
}
