/**
 * A job as people write it, and its way to a JobSpec: every field optional with the defaults of core/spec.ts, short words beside exact numbers. A JobSpec is itself
 * a valid request that means itself. Pure, and free of the schema library, so that form and command line use it too; schemas.ts checks the shape of what comes as JSON.
 */

import { nameFrom } from "../core/names.ts";
import { parseCpus, parseDuration, parseSize } from "../core/quantities.ts";
import {
  type Constraint,
  DEFAULT_DISCONNECT,
  DEFAULT_HEALTH_RHYTHM,
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type DisconnectPolicy,
  type HealthCheck,
  type HealthProbe,
  type JobSpec,
  type Mount,
  NO_PRIVILEGES,
  type PortMapping,
  type Privileges,
  type PullPolicy,
  type RestartCondition,
  type RestartPolicy,
  type RuntimeKind,
  type ServiceSpec,
  type TaskSpec,
} from "../core/spec.ts";
import { jobProblems, loneProblems, type Problem, refuseProblems } from "./job-limits.ts";
import { parseConstraint, parseMount, parsePort } from "./job-units.ts";

/** Bytes, or a text such as "512m". */
export type SizeWord = number | string;
/** Milliseconds, or a text such as "10s". */
export type DurationWord = number | string;

/** CPU in cores or thousandths of one; memory and disk in bytes or as a text. Each may be said once. */
export interface ResourcesRequest {
  readonly cpus?: number | string;
  readonly cpuMillis?: number;
  readonly memory?: SizeWord;
  readonly memoryBytes?: SizeWord;
  readonly disk?: SizeWord;
  readonly diskBytes?: SizeWord;
}

export interface RestartRequest {
  readonly condition?: RestartCondition;
  readonly attempts?: number;
  readonly window?: DurationWord;
  readonly windowMs?: DurationWord;
  readonly delay?: DurationWord;
  readonly delayMs?: DurationWord;
  readonly maxDelay?: DurationWord;
  readonly maxDelayMs?: DurationWord;
}

/** A probe in full, or one of its short forms: `http` (a path, with `port`), `tcp` (a port), `exec` (a command). */
export interface HealthRequest {
  readonly probe?: HealthProbe;
  readonly http?: string;
  readonly tcp?: number;
  readonly exec?: readonly string[];
  readonly port?: number;
  readonly interval?: DurationWord;
  readonly intervalMs?: DurationWord;
  readonly timeout?: DurationWord;
  readonly timeoutMs?: DurationWord;
  readonly retries?: number;
  readonly startPeriod?: DurationWord;
  readonly startPeriodMs?: DurationWord;
}

export type PortRequest =
  | string
  | number
  | {
      readonly containerPort: number;
      readonly hostPort?: number;
      readonly protocol?: "tcp" | "udp";
      readonly hostIp?: string;
    };
export type MountRequest =
  | string
  | { readonly kind?: Mount["kind"]; readonly source?: string; readonly target: string; readonly readOnly?: boolean };

/** The body of a task as written. */
export interface TaskRequest extends ResourcesRequest {
  readonly runtime?: RuntimeKind;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[] | null;
  readonly env?: Readonly<Record<string, string | number | boolean>>;
  readonly workingDir?: string;
  readonly user?: string;
  readonly resources?: ResourcesRequest;
  readonly ports?: readonly PortRequest[];
  readonly mounts?: readonly MountRequest[];
  readonly restart?: RestartCondition | RestartRequest;
  readonly pull?: PullPolicy;
  readonly health?: HealthRequest | null;
  readonly stopSignal?: string;
  readonly stopGrace?: DurationWord;
  readonly stopGraceMs?: DurationWord;
  readonly disconnect?: Partial<DisconnectPolicy>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly constraints?: readonly (string | Constraint)[];
  readonly privileges?: Partial<Privileges>;
}

/** A service: its task's fields beside name and count, or under `task`. */
export interface ServiceRequest extends TaskRequest {
  readonly name?: string;
  readonly count?: number;
  readonly task?: TaskRequest;
}

/** A job of services, or a lone task: its fields beside the name. `labels` are the job's; those of a lone task are its task's too. */
export interface JobRequest extends TaskRequest {
  readonly name?: string;
  readonly count?: number;
  readonly services?: readonly ServiceRequest[];
}

/** The specification that a request means. Throws ClientError `invalid` that names each problem by its path in the request. */
export function toJobSpec(request: JobRequest): JobSpec {
  const reader = new RequestReader();
  const spec = request.services ? reader.job(request, request.services) : reader.loneTask(request);
  refuseProblems(reader.problems);
  refuseProblems(request.services ? jobProblems(spec) : loneProblems(jobProblems(spec)));
  return spec;
}

/** A name for a job that was given none: from its image, else from its program. */
export function defaultName(request: TaskRequest): string {
  const image = (request.image ?? "").replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return nameFrom((image || request.command?.[0] || "task").split("/").at(-1) ?? "task");
}

/** Reads words into numbers and records, and notes every one that cannot be. */
class RequestReader {
  readonly problems: Problem[] = [];

  job(request: JobRequest, services: readonly ServiceRequest[]): JobSpec {
    const { name = "", services: _, labels = {}, ...rest } = request;
    for (const key of Object.keys(rest)) this.#note(key, "belongs into a service when there are services");
    return { name, labels, services: services.map((service, index) => this.#service(service, index, services.length)) };
  }

  loneTask(request: JobRequest): JobSpec {
    const { name = "", count = 1, labels = {}, services: _, ...task } = request;
    return { name, labels, services: [{ name, count, task: this.#task("", { ...task, labels }) }] };
  }

  #service(service: ServiceRequest, index: number, of: number): ServiceSpec {
    const path = `services[${index}]`;
    const { name = of === 1 ? "main" : "", count = 1, task, ...flat } = service;
    if (!task) return { name, count, task: this.#task(`${path}.`, flat) };
    for (const key of Object.keys(flat)) this.#note(`${path}.${key}`, "belongs under task, as there is one");
    return { name, count, task: this.#task(`${path}.task.`, task) };
  }

  #task(path: string, task: TaskRequest): TaskSpec {
    return {
      runtime: task.runtime ?? DEFAULT_TASK.runtime,
      image: task.image ?? DEFAULT_TASK.image,
      command: task.command ?? DEFAULT_TASK.command,
      entrypoint: task.entrypoint ?? DEFAULT_TASK.entrypoint,
      env: texts(task.env ?? {}),
      workingDir: task.workingDir ?? DEFAULT_TASK.workingDir,
      user: task.user ?? DEFAULT_TASK.user,
      resources: this.#resources(path, task),
      ports: (task.ports ?? []).map((port, index) => this.#port(`${path}ports[${index}]`, port)),
      mounts: (task.mounts ?? []).map((mount, index) => this.#mount(`${path}mounts[${index}]`, mount)),
      restart: this.#restart(`${path}restart.`, task.restart),
      pull: task.pull ?? DEFAULT_TASK.pull,
      health: task.health ? this.#health(`${path}health`, task.health) : null,
      stopSignal: task.stopSignal ?? DEFAULT_TASK.stopSignal,
      stopGraceMs: this.#duration(
        path,
        { stopGrace: task.stopGrace, stopGraceMs: task.stopGraceMs },
        DEFAULT_TASK.stopGraceMs,
      ),
      disconnect: { ...DEFAULT_DISCONNECT, ...task.disconnect },
      labels: task.labels ?? {},
      constraints: (task.constraints ?? []).map((each, index) =>
        this.#constraint(`${path}constraints[${index}]`, each),
      ),
      privileges: { ...NO_PRIVILEGES, ...task.privileges },
    };
  }

  #resources(path: string, task: TaskRequest): TaskSpec["resources"] {
    const { cpus, cpuMillis, memory, memoryBytes, disk, diskBytes } = task;
    const nested = task.resources ?? {};
    const at = `${path}resources.`;
    const size = (words: Words, nestedWords: Words): number =>
      this.#one(path, words, SIZE) ?? this.#one(at, nestedWords, SIZE) ?? 0;
    const cpu = this.#one(path, { cpus }, CPUS) ?? this.#one(at, { cpus: nested.cpus }, CPUS);
    const millis = this.#one(path, { cpuMillis }, COUNT) ?? this.#one(at, { cpuMillis: nested.cpuMillis }, COUNT);
    if (cpu !== undefined && millis !== undefined)
      this.#note(`${path}cpus`, "said twice: cpus and cpuMillis are the same thing");
    return {
      cpuMillis: cpu ?? millis ?? 0,
      memoryBytes: size({ memory, memoryBytes }, { memory: nested.memory, memoryBytes: nested.memoryBytes }),
      diskBytes: size({ disk, diskBytes }, { disk: nested.disk, diskBytes: nested.diskBytes }),
    };
  }

  #port(path: string, port: PortRequest): PortMapping {
    if (typeof port === "object") return { hostPort: 0, protocol: "tcp", hostIp: "", ...port };
    const parsed = parsePort(port);
    if (!parsed) this.#note(path, `"${port}" is no port: 80, 8080:80 or 127.0.0.1:8080:80/udp`);
    return parsed ?? { containerPort: 1, hostPort: 0, protocol: "tcp", hostIp: "" };
  }

  #mount(path: string, mount: MountRequest): Mount {
    if (typeof mount === "object") {
      const source = mount.source ?? "";
      const kind = mount.kind ?? (source === "" ? "tmpfs" : source.startsWith("/") ? "bind" : "volume");
      return { kind, source, target: mount.target, readOnly: mount.readOnly ?? false };
    }
    const parsed = parseMount(mount);
    if (!parsed)
      this.#note(path, `"${mount}" is no mount: /on/node:/in/task or volume:/in/task, with :ro to protect it`);
    return parsed ?? { kind: "tmpfs", source: "", target: "/", readOnly: false };
  }

  #constraint(path: string, constraint: string | Constraint): Constraint {
    if (typeof constraint === "object") return constraint;
    const parsed = parseConstraint(constraint);
    if (!parsed) this.#note(path, `"${constraint}" is no constraint: node.hostname==n1 or zone!=b`);
    return parsed ?? { key: "", operator: "==", value: "" };
  }

  #restart(path: string, restart: TaskRequest["restart"]): RestartPolicy {
    if (restart === undefined) return DEFAULT_RESTART;
    if (typeof restart === "string") return { ...DEFAULT_RESTART, condition: restart };
    const { window, windowMs, delay, delayMs, maxDelay, maxDelayMs } = restart;
    return {
      condition: restart.condition ?? DEFAULT_RESTART.condition,
      attempts: restart.attempts ?? DEFAULT_RESTART.attempts,
      windowMs: this.#duration(path, { window, windowMs }, DEFAULT_RESTART.windowMs),
      delayMs: this.#duration(path, { delay, delayMs }, DEFAULT_RESTART.delayMs),
      maxDelayMs: this.#duration(path, { maxDelay, maxDelayMs }, DEFAULT_RESTART.maxDelayMs),
    };
  }

  #health(path: string, health: HealthRequest): HealthCheck {
    const { interval, intervalMs, timeout, timeoutMs, startPeriod, startPeriodMs } = health;
    const rhythm = DEFAULT_HEALTH_RHYTHM;
    return {
      probe: this.#probe(path, health),
      intervalMs: this.#duration(`${path}.`, { interval, intervalMs }, rhythm.intervalMs),
      timeoutMs: this.#duration(`${path}.`, { timeout, timeoutMs }, rhythm.timeoutMs),
      retries: health.retries ?? rhythm.retries,
      startPeriodMs: this.#duration(`${path}.`, { startPeriod, startPeriodMs }, rhythm.startPeriodMs),
    };
  }

  #probe(path: string, { probe, http, tcp, exec, port = 0 }: HealthRequest): HealthProbe {
    const forms: HealthProbe[] = [];
    if (probe) forms.push(probe);
    if (http !== undefined) forms.push({ kind: "http", path: http, port });
    if (tcp !== undefined) forms.push({ kind: "tcp", port: tcp });
    if (exec) forms.push({ kind: "exec", command: exec });
    if (forms.length !== 1) this.#note(path, "exactly one of http, tcp, exec and probe");
    return forms[0] ?? { kind: "tcp", port: 1 };
  }

  #duration(path: string, words: Words, otherwise: number): number {
    return this.#one(path, words, DURATION) ?? otherwise;
  }

  /** The one word that was said among names for the same thing; noted when there are two, or when it means nothing. */
  #one(path: string, words: Words, kind: WordKind): number | undefined {
    const said = Object.entries(words).filter(([, word]) => word !== undefined);
    const [first, second] = said;
    if (!first || first[1] === undefined) return undefined;
    if (second) this.#note(path + second[0], `said twice: ${first[0]} is the same thing`);
    const value = kind.parse(first[1]);
    if (value === undefined) this.#note(path + first[0], `${JSON.stringify(first[1])} is impossible: ${kind.rule}`);
    return value ?? 0;
  }

  #note(path: string, message: string): void {
    this.problems.push({ path, message });
  }
}

type Words = Readonly<Record<string, string | number | undefined>>;

/** How a word is read, and what it has to be, for people. */
interface WordKind {
  readonly parse: (word: string | number) => number | undefined;
  readonly rule: string;
}

const COUNT: WordKind = { parse: parseSize, rule: "a whole number from 0 to 2^53" };
const SIZE: WordKind = { parse: parseSize, rule: 'a whole number from 0 to 2^53, or a size such as "512m"' };
const DURATION: WordKind = { parse: parseDuration, rule: 'milliseconds, or a time such as "10s"' };
const CPUS: WordKind = { parse: parseCpus, rule: "a number of cores from 0.001 on, such as 0.5" };

function texts(env: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, String(value)]));
}
