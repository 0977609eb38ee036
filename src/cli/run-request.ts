/** From the flags of `cube run` to a job request. Reads env files and the environment through what it is given; nothing is sent here. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { defaultName, type HealthRequest, type JobRequest, type RestartRequest } from "../client/job-request.ts";
import { parseConstraint, parseMount, parsePort } from "../client/job-units.ts";
import { fileReason } from "../config/file-reason.ts";
import type { Flags } from "../config/sources.ts";
import { nameFrom } from "../core/names.ts";
import type { Constraint, Mount, PortMapping, RestartCondition, RuntimeKind } from "../core/spec.ts";
import { UsageError } from "./cli-error.ts";
import { listFlag, textFlag } from "./command-spec.ts";
import { given, readCores, readFlag, readSize, readTime, readWholeNumber } from "./flag-values.ts";

/** What the flags are read against. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Makes a name that was not given unlikely to be taken: a few lower-case letters and digits. */
  readonly suffix: string;
}

const RESTARTS: readonly RestartCondition[] = ["no", "on-failure", "always", "unless-stopped"];
const MEMORY_HINT = "with an image -m is memory, as with docker run; a manager is named by --manager";

/** The request for a task from an image, or from a command of the process runtime. Throws UsageError. */
export function runRequest(flags: Flags, words: readonly string[], around: Surroundings): JobRequest {
  const runtime = (textFlag(flags, "runtime") ?? "docker") as RuntimeKind;
  const [image, command] = imageAndCommand(runtime, words);
  const entrypoint = textFlag(flags, "entrypoint");
  const labels = labelsOf(flags);
  return {
    runtime,
    image,
    command,
    name: textFlag(flags, "name") ?? `${nameFrom(defaultName({ image, command })).slice(0, 58)}-${around.suffix}`,
    env: { ...envFromFiles(flags, around), ...envOf(listFlag(flags, "env"), around.env) },
    ports: listFlag(flags, "publish").map(readPort),
    mounts: mountsOf(flags, around.cwd),
    restart: restartOf(textFlag(flags, "restart") ?? "no"),
    health: healthOf(flags),
    labels,
    constraints: listFlag(flags, "constraint").map(readConstraint),
    privileges: privilegesOf(flags),
    ...limitsOf(flags),
    ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === "" ? [] : [entrypoint] }),
    ...given({
      user: textFlag(flags, "user"),
      workingDir: textFlag(flags, "workdir"),
      pull: textFlag(flags, "pull") as JobRequest["pull"],
      stopSignal: signalName(textFlag(flags, "stopSignal")),
      stopGraceMs: readFlag(flags, { key: "stopTimeout", flag: "--stop-timeout" }, readTime),
      count: readFlag(flags, { key: "count", flag: "--count" }, readWholeNumber),
    }),
  } as JobRequest;
}

function imageAndCommand(runtime: RuntimeKind, words: readonly string[]): [image: string, command: readonly string[]] {
  if (runtime === "process") {
    if (words.length === 0)
      throw new UsageError("a process needs a command", "cube run --runtime process -- COMMAND...");
    return ["", words];
  }
  const [image, ...command] = words;
  if (image === undefined) throw new UsageError("run needs an IMAGE, or -f FILE", "such as: cube run -p 8080:80 nginx");
  return [image, command];
}

function limitsOf(flags: Flags): Pick<JobRequest, "memoryBytes" | "cpuMillis" | "diskBytes"> {
  const short = textFlag(flags, "m");
  const long = textFlag(flags, "memory");
  if (short !== undefined && long !== undefined)
    throw new UsageError("-m and --memory are the same thing: give one of them");
  const memory = short ?? long;
  return given({
    memoryBytes:
      memory === undefined
        ? undefined
        : readSize(short === undefined ? "--memory" : "-m", memory, short === undefined ? "" : MEMORY_HINT),
    cpuMillis: readFlag(flags, { key: "cpus", flag: "--cpus" }, readCores),
    diskBytes: readFlag(flags, { key: "disk", flag: "--disk" }, readSize),
  });
}

function readPort(text: string): PortMapping {
  const port = parsePort(text);
  if (port === undefined)
    throw new UsageError(`-p "${text}" is no port`, "such as 80, 8080:80, 127.0.0.1:8080:80 or 5353:53/udp");
  return port;
}

function mountsOf(flags: Flags, cwd: string): Mount[] {
  const volumes = listFlag(flags, "volume").map((text) => readMount(text, cwd));
  const tmpfs = listFlag(flags, "tmpfs").map(readTmpfs);
  return [...volumes, ...tmpfs];
}

/** Docker has options behind a colon; a path with one could not be said here anyway. */
function readTmpfs(target: string): Mount {
  if (target.includes(":"))
    throw new UsageError(`--tmpfs "${target}": options are not known here`, "the path alone: --tmpfs /in/task");
  return { kind: "tmpfs", source: "", target, readOnly: false };
}

/** A relative path that shows itself as one (./data, ../data, ~/data) means this machine's, as with docker run. */
function readMount(text: string, cwd: string): Mount {
  const [source = "", ...rest] = text.split(":");
  const path = /^\.{1,2}(\/|$)/.test(source) ? resolve(cwd, source) : source.replace(/^~(?=\/|$)/, homedir());
  const mount = parseMount([path, ...rest].join(":"));
  if (mount === undefined)
    throw new UsageError(`-v "${text}" is no mount`, "such as /on/node:/in/task, volume:/in/task or ./here:/there:ro");
  return mount;
}

function readConstraint(text: string): Constraint {
  const constraint = parseConstraint(text);
  if (constraint === undefined)
    throw new UsageError(`--constraint "${text}" is none`, "such as node.hostname==n1 or zone!=b");
  return constraint;
}

function restartOf(text: string): RestartRequest {
  const [word = "", attempts, ...rest] = text.split(":");
  const condition = RESTARTS.find((known) => known === word);
  const counts = attempts !== undefined;
  if (condition === undefined || rest.length > 0 || (counts && condition !== "on-failure")) {
    throw new UsageError(`--restart "${text}" is unknown`, `it is one of ${RESTARTS.join(", ")}, or on-failure:N`);
  }
  return counts ? { condition, attempts: readWholeNumber("--restart on-failure:", attempts) } : { condition };
}

function healthOf(flags: Flags): HealthRequest | null {
  const probes = [
    probeHttp(textFlag(flags, "healthHttp")),
    probeTcp(flags),
    probeCommand(textFlag(flags, "healthCmd")),
  ];
  const probe = probes.filter((found) => found !== null);
  const rhythm: HealthRequest = given({
    intervalMs: readFlag(flags, { key: "healthInterval", flag: "--health-interval" }, readTime),
    timeoutMs: readFlag(flags, { key: "healthTimeout", flag: "--health-timeout" }, readTime),
    startPeriodMs: readFlag(flags, { key: "healthStartPeriod", flag: "--health-start-period" }, readTime),
    retries: readFlag(flags, { key: "healthRetries", flag: "--health-retries" }, readWholeNumber),
  });
  const ways = "--health-http PATH, --health-tcp PORT or --health-cmd COMMAND";
  if (probe.length > 1) throw new UsageError("a task has one health check", `give one of ${ways}`);
  if (probe[0] !== undefined) return { ...probe[0], ...rhythm };
  if (Object.keys(rhythm).length > 0) throw new UsageError("how often to check is said, but not what", `add ${ways}`);
  return null;
}

function probeHttp(text: string | undefined): HealthRequest | null {
  if (text === undefined) return null;
  const match = /^(?::(\d{1,5}))?(\/.*)$/.exec(text);
  if (match?.[2] === undefined)
    throw new UsageError(`--health-http "${text}" is no path`, "such as /health or :8080/health");
  return { http: match[2], port: Number(match[1] ?? 0) };
}

function probeTcp(flags: Flags): HealthRequest | null {
  const port = readFlag(flags, { key: "healthTcp", flag: "--health-tcp" }, readWholeNumber);
  if (port === 0 || (port ?? 0) > 65_535) throw new UsageError(`--health-tcp ${port} is no port`, "1 to 65535");
  return port === undefined ? null : { tcp: port };
}

/** As docker: the text is a line for the task's shell. */
function probeCommand(text: string | undefined): HealthRequest | null {
  return text === undefined ? null : { exec: ["/bin/sh", "-c", text] };
}

function privilegesOf(flags: Flags): JobRequest["privileges"] {
  return {
    privileged: flags.privileged === true,
    network: (textFlag(flags, "network") ?? "bridge") as "bridge" | "host" | "none",
    hostNamespaces: (["pid", "ipc", "uts"] as const).filter((namespace) => flags[namespace] === "host"),
    devices: listFlag(flags, "device"),
    capAdd: listFlag(flags, "capAdd"),
  };
}

function labelsOf(flags: Flags): Record<string, string> {
  return Object.fromEntries(listFlag(flags, "label").map((text) => pair(text, "")));
}

function envOf(entries: readonly string[], env: Surroundings["env"]): Record<string, string> {
  const pairs = entries.flatMap((entry) => {
    const [key, value] = pair(entry, env[entry]);
    // As docker: a variable that is named only and not set here is left out.
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(pairs);
}

function envFromFiles(flags: Flags, around: Surroundings): Record<string, string> {
  const lines = listFlag(flags, "envFile").flatMap((file) => readLines(resolve(around.cwd, file)));
  return envOf(
    lines.map((line) => line.trimStart()).filter((line) => line !== "" && !line.startsWith("#")),
    around.env,
  );
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split(/\r?\n/);
  } catch (error) {
    throw new UsageError(`--env-file ${path}: ${fileReason((error as NodeJS.ErrnoException).code)}`);
  }
}

function pair<T>(text: string, otherwise: T): [string, string | T] {
  const at = text.indexOf("=");
  return at < 0 ? [text, otherwise] : [text.slice(0, at), text.slice(at + 1)];
}

/** Docker takes `TERM` and `SIGTERM` alike. */
function signalName(text: string | undefined): string | undefined {
  if (text === undefined || /^(SIG|\d)/i.test(text)) return text?.toUpperCase();
  return `SIG${text.toUpperCase()}`;
}
