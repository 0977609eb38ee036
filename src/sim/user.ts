/** The people of a run: they submit, stop and restart, ask again when nobody answers, and remember what they were promised. */
import {
  DEFAULT_DISCONNECT,
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type JobSpec,
  type RestartPolicy,
  type TaskSpec,
} from "../core/spec.ts";
import type { Command, CommandResult } from "../manager/commands.ts";
import { asEnvironment } from "./behaviour.ts";
import type { Step } from "./faults.ts";
import { SECRET } from "./secret.ts";
import type { Simulation } from "./simulation.ts";

/** Milliseconds after which somebody who got no answer asks again, and how often. */
const AGAIN_MS = 2_000;
const TRIES = 60;
/** Between what people do again who come back, in ms. */
const BACK_EVERY_MS = 500;

export class User {
  readonly #sim: Simulation;
  /** Ids of jobs by the names that the user gave, as far as they were promised. */
  readonly #jobs = new Map<string, string>();
  /** What of the plan was answered. */
  readonly #done = new Set<Step>();
  #keys = 0;
  #commands = 0;
  #stopped = false;

  constructor(sim: Simulation) {
    this.#sim = sim;
    for (const step of sim.plan.steps) sim.queue.after(step.atMs, () => this.#stopped || this.#act(step));
  }

  /** Commands that were answered. */
  get commands(): number {
    return this.#commands;
  }

  /** Who got no answer, since no manager was there for long, comes back and asks anew, in the same order. Gives the time that it takes, in ms. */
  comeBack(): number {
    const left = this.#sim.plan.steps.filter((step) => !this.#done.has(step));
    for (const [i, step] of left.entries())
      this.#sim.queue.after(i * BACK_EVERY_MS, () => this.#stopped || this.#act(step));
    return left.length * BACK_EVERY_MS;
  }

  /** No more commands, also not again. */
  stop(): void {
    this.#stopped = true;
  }

  #act(step: Step): void {
    const isDone = (): void => {
      this.#done.add(step);
    };
    switch (step.kind) {
      case "submit":
        this.#submit(step, isDone);
        return;
      case "cordon":
      case "uncordon": {
        const availability = step.kind === "cordon" ? "cordoned" : "eligible";
        this.#ask({ kind: "node.availability", nodeId: step.node, availability }, isDone);
        return;
      }
      case "trust-loss":
        this.#ask({ kind: "nodes.trust-loss" }, isDone);
        return;
      default: {
        const jobId = this.#jobs.get(step.name);
        if (jobId !== undefined) this.#ask({ kind: `job.${step.kind}`, jobId }, isDone);
        if (step.kind === "remove") this.#jobs.delete(step.name);
      }
    }
  }

  #submit(step: Extract<Step, { kind: "submit" }>, isDone: () => void): void {
    const idempotencyKey = `key-${++this.#keys}`;
    const command: Command = { kind: "job.submit", id: "", spec: specOf(step), idempotencyKey };
    for (let i = 0; i < step.times; i++) {
      this.#ask(command, (result) => {
        isDone();
        if (result.ok) this.#jobs.set(step.name, result.jobId);
      });
    }
  }

  #ask(command: Command, then: (result: CommandResult) => void, tries = 0): void {
    if (this.#stopped || tries > TRIES) return;
    let isAnswered = false;
    const { manager, queue } = { manager: this.#sim.manager.manager, queue: this.#sim.queue };
    manager.execute(command, (result) => {
      if (isAnswered || (!result.ok && isForLater(result.code))) return;
      isAnswered = true;
      this.#commands++;
      then(result);
    });
    // Nobody asks twice for a restart: each one restarts.
    if (command.kind === "job.restart") return;
    queue.after(AGAIN_MS, () => {
      if (!isAnswered) this.#ask(command, then, tries + 1);
    });
  }
}

function specOf(step: Extract<Step, { kind: "submit" }>): JobSpec {
  const task: TaskSpec = {
    ...DEFAULT_TASK,
    image: step.behaviour.image === "missing" ? "nowhere:1" : `${step.name}:1`,
    env: { ...asEnvironment(step.behaviour), PASSWORD: SECRET },
    resources: { cpuMillis: step.cpuMillis, memoryBytes: 0, diskBytes: 0 },
    restart: restartOf(step),
    disconnect: { ...DEFAULT_DISCONNECT, replace: step.replace, stopAfterMs: step.stopAfterMs ?? null },
    constraints: step.zone === undefined ? [] : [{ key: "zone", operator: "==", value: step.zone }],
    ports:
      step.hostPort === 0 ? [] : [{ hostIp: "", hostPort: step.hostPort, containerPort: 80, protocol: "tcp" as const }],
    mounts: step.volume
      ? [{ kind: "volume" as const, source: `data-${step.name}`, target: "/data", readOnly: false }]
      : [],
    health: step.health
      ? { probe: { kind: "tcp", port: 80 }, intervalMs: 10_000, timeoutMs: 3_000, retries: 3, startPeriodMs: 0 }
      : null,
  };
  return { name: step.name, services: [{ name: step.name, count: step.count, task }], labels: {} };
}

function restartOf({ batch, restart }: Extract<Step, { kind: "submit" }>): RestartPolicy {
  if (batch) return { ...DEFAULT_RESTART, condition: "no" };
  const { onFailure, attempts } = restart ?? { onFailure: false, attempts: DEFAULT_RESTART.attempts };
  return { ...DEFAULT_RESTART, condition: onFailure ? "on-failure" : "always", attempts };
}

/** The manager cannot just now; the same may be asked again. */
function isForLater(code: string): boolean {
  return code === "unavailable" || code === "read_only";
}
