/**
 * What a job may be, whoever asks for it and however: names, sizes and counts with their bounds. Pure, and free of the schema library, so that form, command line
 * and server refuse the same things in the same words. It says nothing about what a node can or allows: that is the scheduler's and the worker's.
 */
import { isName, NAME_RULE } from "../core/names.ts";
import type { HealthCheck, JobSpec, Mount, PortMapping, Resources, ServiceSpec, TaskSpec } from "../core/spec.ts";
import { ClientError } from "./cluster-client.ts";

/** Bounds of one job. Bytes are of UTF-8. */
const JOB_LIMITS = {
  tasks: 10_000,
  services: 1_000,
  stringBytes: 64 * 1024,
  envEntries: 1_024,
  envBytes: 256 * 1024,
  labels: 1_024,
  listEntries: 1_024,
  /** The engine refuses less. */
  memoryBytes: 6 * 1024 * 1024,
  durationMs: 365 * 24 * 3_600_000,
} as const;

/** Something that cannot be, where it is: `services[0].task.resources.memoryBytes`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

type Note = (path: string, message: string) => void;

const ENV_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?$/;
/** Linux's signals, as engines take them (moby/sys/signal), beside SIGRTMIN+1 and the like; the prefix may be left out. */
const SIGNALS =
  /^(SIG)?(ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?)$/;
const SIGNAL_NUMBER = /^([1-9]|[1-5][0-9]|6[0-4])$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
// The grammar of distribution/reference: [domain[:port]/]path[:tag][@digest].
const IMAGE =
  /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?\/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@[a-z0-9+._-]+:[0-9a-fA-F]{32,})?$/;

/** Everything that is wrong with a job; empty for a good one. */
export function jobProblems(spec: JobSpec): Problem[] {
  const problems: Problem[] = [];
  const note: Note = (path, message) => problems.push({ path, message });
  nameProblem("name", spec.name, note);
  labelProblems("labels", spec.labels, note);
  if (spec.services.length === 0) note("services", "a job has at least one service");
  if (spec.services.length > JOB_LIMITS.services) note("services", `at most ${JOB_LIMITS.services}`);
  const names = new Set<string>();
  for (const [index, service] of spec.services.entries()) {
    const path = `services[${index}]`;
    if (names.has(service.name)) note(`${path}.name`, `"${service.name}" is there twice`);
    names.add(service.name);
    serviceProblems(path, service, note);
  }
  const tasks = spec.services.reduce((sum, service) => sum + service.count, 0);
  if (tasks > JOB_LIMITS.tasks) note("services", `${tasks} tasks, a job has at most ${JOB_LIMITS.tasks}`);
  return problems;
}

/** Problems as whoever asked for a lone task knows them: without the services' part of a path, and without its service's name, which is the job's. */
export function loneProblems(problems: readonly Problem[]): Problem[] {
  const known = problems
    .filter(({ path }) => path !== "services[0].name")
    .map(({ path, message }) => ({ path: path.replace(/^services\[0\]\.(task\.)?/, ""), message }));
  // The labels of a lone task are those of its job too.
  return [...new Map(known.map((problem) => [`${problem.path}: ${problem.message}`, problem])).values()];
}

/** Throws ClientError `invalid` that names every problem with its path. */
export function checkJobSpec(spec: JobSpec): void {
  refuseProblems(jobProblems(spec));
}

const SHOWN_PROBLEMS = 5;

/** Throws ClientError `invalid` unless the list is empty. `hint` names the way out. */
export function refuseProblems(problems: readonly Problem[], hint = ""): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const more = problems.length > SHOWN_PROBLEMS ? ` (and ${problems.length - SHOWN_PROBLEMS} more)` : "";
  throw new ClientError("invalid", shown.join("; ") + more, hint);
}

function serviceProblems(path: string, service: ServiceSpec, note: Note): void {
  nameProblem(`${path}.name`, service.name, note);
  if (!isCount(service.count, JOB_LIMITS.tasks)) note(`${path}.count`, `a whole number from 0 to ${JOB_LIMITS.tasks}`);
  taskProblems(`${path}.task`, service.task, note);
}

function taskProblems(path: string, task: TaskSpec, note: Note): void {
  imageProblem(path, task, note);
  for (const key of ["command", "entrypoint"] as const) textsProblem(`${path}.${key}`, task[key] ?? [], note);
  for (const key of ["workingDir", "user"] as const) textProblem(`${path}.${key}`, task[key], note);
  envProblems(`${path}.env`, task.env, note);
  resourceProblems(`${path}.resources`, task.resources, note);
  portProblems(`${path}.ports`, task.ports, note);
  for (const [index, mount] of task.mounts.entries()) mountProblems(`${path}.mounts[${index}]`, mount, note);
  if (task.mounts.length > JOB_LIMITS.listEntries) note(`${path}.mounts`, `at most ${JOB_LIMITS.listEntries}`);
  signalProblem(`${path}.stopSignal`, task.stopSignal, note);
  durationProblem(`${path}.stopGraceMs`, task.stopGraceMs, note);
  if (!isCount(task.restart.attempts, 1_000_000)) note(`${path}.restart.attempts`, "a whole number from 0 on");
  for (const key of ["windowMs", "delayMs", "maxDelayMs"] as const)
    durationProblem(`${path}.restart.${key}`, task.restart[key], note);
  for (const key of ["replaceAfterMs", "lostAfterMs", "stopAfterMs"] as const) {
    durationProblem(`${path}.disconnect.${key}`, task.disconnect[key] ?? 0, note);
  }
  if (task.health) healthProblems(`${path}.health`, task.health, note);
  labelProblems(`${path}.labels`, task.labels, note);
  textsProblem(
    `${path}.constraints`,
    task.constraints.flatMap(({ key, value }) => [key, value]),
    note,
  );
  textsProblem(`${path}.privileges`, [...task.privileges.devices, ...task.privileges.capAdd], note);
}

function signalProblem(path: string, signal: string, note: Note): void {
  if (signal === "" || SIGNALS.test(signal) || SIGNAL_NUMBER.test(signal)) return;
  note(path, `there is no signal ${quote(signal)}: a name such as SIGTERM, or a number from 1 to 64`);
}

function nameProblem(path: string, name: string, note: Note): void {
  if (!isName(name)) note(path, name === "" ? "missing" : `${quote(name)} cannot be a name: ${NAME_RULE}`);
}

function imageProblem(path: string, task: TaskSpec, note: Note): void {
  if (task.runtime === "process") {
    if (task.image !== "") note(`${path}.image`, "a process has no image");
    if (task.command.length === 0) note(`${path}.command`, "missing: a process is its command");
    return;
  }
  if (task.image === "") note(`${path}.image`, 'missing (a plain process has runtime "process" instead)');
  else if (task.image.length > 512 || !IMAGE.test(task.image))
    note(`${path}.image`, `${quote(task.image)} cannot be an image's name`);
}

function envProblems(path: string, env: TaskSpec["env"], note: Note): void {
  const entries = Object.entries(env);
  if (entries.length > JOB_LIMITS.envEntries) {
    note(path, `${entries.length} variables, at most ${JOB_LIMITS.envEntries}`);
    return;
  }
  let bytes = 0;
  for (const [key, value] of entries) {
    if (!ENV_KEY.test(key))
      note(path, `${quote(key)} cannot be a variable's name: letters, digits and _, no digit first`);
    textProblem(`${path}.${key}`, value, note);
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > JOB_LIMITS.envBytes) note(path, `${bytes} bytes in all, at most ${JOB_LIMITS.envBytes}`);
}

function labelProblems(path: string, labels: Readonly<Record<string, string>>, note: Note): void {
  const entries = Object.entries(labels);
  if (entries.length > JOB_LIMITS.labels) {
    note(path, `${entries.length} labels, at most ${JOB_LIMITS.labels}`);
    return;
  }
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key)) note(path, `${quote(key)} cannot be a label's name`);
    textProblem(`${path}.${key}`, value, note);
  }
}

function resourceProblems(path: string, resources: Resources, note: Note): void {
  for (const key of ["cpuMillis", "memoryBytes", "diskBytes"] as const) {
    if (!isCount(resources[key], Number.MAX_SAFE_INTEGER))
      note(`${path}.${key}`, `${resources[key]} is impossible: a whole number from 0 to 2^53`);
  }
  const { memoryBytes } = resources;
  if (memoryBytes > 0 && memoryBytes < JOB_LIMITS.memoryBytes) {
    note(
      `${path}.memoryBytes`,
      `${memoryBytes} bytes are too few: an engine needs at least 6 MiB (${JOB_LIMITS.memoryBytes})`,
    );
  }
}

function portProblems(path: string, ports: readonly PortMapping[], note: Note): void {
  if (ports.length > JOB_LIMITS.listEntries) {
    note(path, `at most ${JOB_LIMITS.listEntries}`);
    return;
  }
  const taken = new Set<string>();
  for (const [index, port] of ports.entries()) {
    if (!isCount(port.containerPort, 65_535) || port.containerPort === 0)
      note(`${path}[${index}].containerPort`, `${port.containerPort} is no port: 1 to 65535`);
    if (!isCount(port.hostPort, 65_535))
      note(`${path}[${index}].hostPort`, `${port.hostPort} is no port: 1 to 65535, or 0 for any free one`);
    if (port.hostIp !== "" && !isIp(port.hostIp))
      note(`${path}[${index}].hostIp`, `${quote(port.hostIp)} is no IP address of a node: such as 127.0.0.1 or ::1`);
    const key = `${port.hostIp} ${port.hostPort}/${port.protocol}`;
    if (port.hostPort !== 0 && taken.has(key))
      note(`${path}[${index}].hostPort`, `${port.hostPort}/${port.protocol} is there twice`);
    taken.add(key);
  }
}

/** True for an IPv4 or IPv6 address, without brackets and without a zone. */
function isIp(text: string): boolean {
  return IPV4.test(text) || (text.includes(":") && /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]`));
}

function mountProblems(path: string, mount: Mount, note: Note): void {
  textsProblem(path, [mount.source, mount.target], note);
  if (!mount.target.startsWith("/")) note(`${path}.target`, `${quote(mount.target)} is no absolute path`);
  if (mount.kind === "bind" && !mount.source.startsWith("/"))
    note(`${path}.source`, `${quote(mount.source)} is no absolute path`);
  if (mount.kind === "volume" && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/.test(mount.source))
    note(`${path}.source`, `${quote(mount.source)} cannot be a volume's name`);
}

function healthProblems(path: string, health: HealthCheck, note: Note): void {
  for (const key of ["intervalMs", "timeoutMs"] as const) {
    durationProblem(`${path}.${key}`, health[key], note);
    if (health[key] <= 0) note(`${path}.${key}`, "more than 0");
  }
  durationProblem(`${path}.startPeriodMs`, health.startPeriodMs, note);
  if (!isCount(health.retries, 1_000_000) || health.retries === 0) note(`${path}.retries`, "a whole number from 1 on");
  const { probe } = health;
  if (probe.kind === "exec") {
    textsProblem(`${path}.probe.command`, probe.command, note);
    if (probe.command.length === 0) note(`${path}.probe.command`, "missing");
    return;
  }
  // 0 stands for the first published port, but where a port is all that is said of the probe it has to be said.
  const said = probe.kind === "http" || probe.port !== 0;
  if (!said || !isCount(probe.port, 65_535)) note(`${path}.probe.port`, `${probe.port} is no port: 1 to 65535`);
  if (probe.kind === "http" && !probe.path.startsWith("/"))
    note(`${path}.probe.path`, `${quote(probe.path)} has to begin with /`);
  if (probe.kind === "http") textProblem(`${path}.probe.path`, probe.path, note);
}

function textsProblem(path: string, texts: readonly string[], note: Note): void {
  if (texts.length > JOB_LIMITS.listEntries) {
    note(path, `${texts.length} entries, at most ${JOB_LIMITS.listEntries}`);
    return;
  }
  for (const [index, text] of texts.entries()) textProblem(`${path}[${index}]`, text, note);
}

function textProblem(path: string, text: string, note: Note): void {
  if (byteLength(text) > JOB_LIMITS.stringBytes) note(path, `longer than ${JOB_LIMITS.stringBytes} bytes`);
  // No operating system can pass it on: the text would end there unseen.
  if (text.includes("\0")) note(path, "contains a NUL character");
}

function durationProblem(path: string, ms: number, note: Note): void {
  if (!isCount(ms, JOB_LIMITS.durationMs)) note(path, `${ms} is no duration: milliseconds from 0 to a year`);
}

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

/** Shown in messages: short, on one line, whatever it holds. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** Bytes of UTF-8; most texts are too short to need counting. */
function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
