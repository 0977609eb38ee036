/**
 * A manager's host in a run: the real machine, with a simulated store and links. The counterpart of manager/host.ts and manager/adopt-host.ts: effects are
 * released once what justifies them is durable, and after a failed or unknown commit the machine is made anew from the store, the same path as a crash.
 */
import { apply, type Cluster, emptyCluster } from "../core/cluster.ts";
import { SCHEDULERS } from "../core/schedule.ts";
import type { SchedulerName } from "../core/scheduler.ts";
import { type Adopted, Adoption } from "../manager/adoption.ts";
import type { Command, CommandResult } from "../manager/commands.ts";
import { ADOPTION_WAIT_MS, MAX_RECOVERY_DELAY_MS, RECOVERY_DELAY_MS } from "../manager/host-limits.ts";
import { type ManagerInput, ManagerMachine, type Tick } from "../manager/machine.ts";
import type { StoreContents } from "../manager/ports.ts";
import type { ManagerEffect } from "../manager/sessions.ts";
import type { ManagerIdentity, ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { SimStore } from "./disk.ts";
import type { MachineClock } from "./machine-clock.ts";
import type { SimProcess, Timer } from "./process.ts";
import type { SimEvent } from "./trace.ts";

const HEARTBEAT_MS = 2_000;
/** Far fewer than in earnest, so that runs come to the bound. */
export const MESSAGES_OF_LINK = 8;
/** Until somebody starts an adoption again that came to nothing, in ms. */
const ADOPT_AGAIN_MS = 5_000;
/** So often; the only node that could answer may be kept out by a record that can only be mended without it. */
const ADOPT_TRIES = 5;

/** The links of a manager, as its host sees them. */
export interface ManagerLinks {
  send(linkId: string, message: ManagerMessage): void;
  close(linkId: string): void;
  begin(): void;
}

export interface ManagerParts {
  readonly name: string;
  readonly clusterId: string;
  readonly scheduler: SchedulerName;
  readonly process: SimProcess;
  readonly clock: MachineClock;
  readonly store: SimStore;
  readonly tell: (event: SimEvent) => void;
  readonly onEffect: (phase: "before" | "after") => void;
}

type Answer = (result: CommandResult) => void;

export class ManagerProcess {
  readonly parts: ManagerParts;
  links: ManagerLinks | null = null;
  /** The worker in the same process; null without one. */
  guest: { start(): void; die(): void } | null = null;
  #machine: ManagerMachine | null = null;
  #adoption: { readonly adoption: Adoption; readonly contents: StoreContents; readonly timer: Timer } | null = null;
  /** What the adoption at this life's begin has found twice. */
  #doubles: Adopted["doubles"] = [];
  /** Adoptions in a row that came to nothing. */
  #vainAdoptions = 0;
  /** What the store held when an adoption began. */
  #stored: Cluster = emptyCluster();
  #instances = 0;
  #tickets = 0;
  readonly #answers = new Map<number, { readonly command: Command; readonly answer: Answer }>();
  readonly #linkIds = new Set<string>();
  #committing = false;
  #isOk = false;
  #scheduled = false;
  #timer: Timer | null = null;

  constructor(parts: ManagerParts) {
    this.parts = parts;
  }

  get machine(): ManagerMachine | null {
    return this.#machine;
  }

  /** Whether it is there and takes orders. */
  get isOk(): boolean {
    return this.parts.process.alive && this.#isOk;
  }

  /** Whether what its cluster shows is not durable yet. */
  get isCommitting(): boolean {
    return this.#committing;
  }

  /** Whether all that it knows is durable, and nothing is left to do before something happens. */
  get isIdle(): boolean {
    return !this.#committing && this.#machine?.hasWork !== true;
  }

  /** Who it is to workers; null while its store takes no commits, or while it adopts. */
  get identity(): ManagerIdentity | null {
    return this.#isOk ? (this.#machine?.identity ?? null) : null;
  }

  /** A node's machine as it is on record. */
  known(nodeId: string): { readonly machineId: string } | null {
    return (this.#machine?.cluster ?? this.#stored).nodes.get(nodeId) ?? null;
  }

  start(adopt = false): void {
    const { process, store, name, tell } = this.parts;
    process.begin();
    tell({ kind: "process", who: name, what: "starts" });
    this.#instances++;
    this.#doubles = [];
    this.#answers.clear();
    this.#linkIds.clear();
    this.#committing = false;
    this.#scheduled = false;
    this.#adoption = null;
    this.#machine = null;
    this.#isOk = false;
    if (!adopt) this.#vainAdoptions = 0;
    const contents = store.load();
    if (!adopt) this.#takeOver(contents, "start");
    else if (contents.problem === "") this.#adopt(contents);
    else this.#adoptAgain();
    this.links?.begin();
    this.guest?.start();
  }

  die(): void {
    const { process, store, name, tell } = this.parts;
    if (!process.alive) return;
    this.guest?.die();
    process.die();
    store.crash();
    this.#machine = null;
    this.#isOk = false;
    tell({ kind: "process", who: name, what: "dies" });
  }

  /** Asks for something; the answer comes when it is durable, or never when the manager dies first. */
  execute(command: Command, answer: Answer, actor = "user"): void {
    const { process, tell, name } = this.parts;
    process.act(() => {
      const ticket = ++this.#tickets;
      tell({ kind: "asked", ticket, command, manager: name });
      if (!this.#isOk) {
        answer({ ok: false, code: "read_only", message: "not now", hint: "" });
        return;
      }
      this.#answers.set(ticket, { command, answer });
      this.#receive({ kind: "command", ticket, command, actor });
    });
  }

  hear(linkId: string, message: WorkerMessage): void {
    this.#linkIds.add(linkId);
    if (this.#adoption === null) {
      this.#receive({ kind: "message", linkId, message });
      return;
    }
    for (const effect of this.#adoption.adoption.receive(linkId, message)) this.#perform(effect);
    if (this.#adoption?.adoption.isComplete) this.#finishAdoption();
  }

  closed(linkId: string): void {
    this.#linkIds.delete(linkId);
    if (this.#adoption === null) this.#receive({ kind: "closed", linkId });
  }

  #receive(input: ManagerInput): void {
    const { clock } = this.parts;
    const isHeartbeat = input.kind === "message" && input.message.kind === "heartbeat";
    if (this.#machine === null || (!isHeartbeat && !this.#isOk)) return;
    this.#machine.receive(input, clock.now());
    if (!isHeartbeat || this.#machine.hasWork) this.#wake();
  }

  #wake(): void {
    if (this.#scheduled || this.#committing || !this.#isOk) return;
    this.#scheduled = true;
    this.parts.process.after(0, () => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#machine === null || this.#committing || !this.#isOk) return;
    const tick = this.#machine.tick(this.parts.clock.now());
    if (tick.changes.length === 0) {
      this.#release(tick.effects);
      this.#rest();
      return;
    }
    this.#committing = true;
    this.#commit(tick);
  }

  #rest(): void {
    const { clock, process } = this.parts;
    if (this.#timer !== null) this.#timer.isOff = true;
    if (this.#machine === null || !process.alive) return;
    if (this.#machine.hasWork) {
      this.#wake();
      return;
    }
    const atMs = this.#machine.nextWakeMs();
    if (atMs === null || !this.#isOk) return;
    this.#timer = process.after(Math.max(1, atMs - clock.monoMs), () => this.#wake());
  }

  #commit(tick: Tick): void {
    const { store, process } = this.parts;
    const done = process.boundWith((outcome: { readonly kind: string }) => {
      this.#committing = false;
      if (outcome.kind === "committed") {
        this.#release(tick.effects);
        this.#rest();
        return;
      }
      if (this.#machine !== null) for (const change of tick.undo) apply(this.#machine.cluster, change);
      this.#isOk = false;
      this.#refuseAll();
      process.after(RECOVERY_DELAY_MS, () => this.#recover(RECOVERY_DELAY_MS));
    });
    store.commit({ changes: tick.changes }, done);
  }

  #release(effects: readonly ManagerEffect[]): void {
    const { process } = this.parts;
    const { life } = process;
    for (const effect of effects) {
      this.parts.onEffect("before");
      if (!process.alive || process.life !== life) return;
      this.#perform(effect);
      this.parts.onEffect("after");
      if (!process.alive || process.life !== life) return;
    }
  }

  #perform(effect: ManagerEffect): void {
    if (effect.kind === "send") this.links?.send(effect.linkId, effect.message);
    else if (effect.kind === "close") this.links?.close(effect.linkId);
    else this.#reply(effect.ticket, effect.result);
  }

  #reply(ticket: number, result: CommandResult): void {
    const asked = this.#answers.get(ticket);
    if (asked === undefined) return;
    this.#answers.delete(ticket);
    this.parts.tell({ kind: "answered", ticket, command: asked.command, result });
    asked.answer(result);
  }

  #refuseAll(): void {
    const result: CommandResult = { ok: false, code: "read_only", message: "the store fails", hint: "" };
    for (const { answer } of [...this.#answers.values()]) answer(result);
    this.#answers.clear();
  }

  #recover(delayMs: number): void {
    const contents = this.parts.store.load();
    if (contents.retry) {
      const next = Math.min(MAX_RECOVERY_DELAY_MS, delayMs * 2);
      this.parts.process.after(next, () => this.#recover(next));
      return;
    }
    this.#takeOver(contents, "recovery");
    // Each worker says hello anew and reports all that it knows.
    for (const linkId of [...this.#linkIds]) this.links?.close(linkId);
    this.#wake();
  }

  #takeOver(contents: StoreContents, how: "start" | "recovery" | "adoption"): void {
    const { clusterId, scheduler, clock, name, tell, process } = this.parts;
    const { term, lineage, revision, past = [] } = contents;
    const mark = past.at(-1)?.mark;
    const instanceId = `${name}.${this.#instances}`;
    const identity = { clusterId, instanceId, term, lineage, ...(mark === undefined ? {} : { mark }) };
    this.#machine = new ManagerMachine(clusterOf(contents), {
      identity,
      past,
      scheduler: SCHEDULERS[scheduler],
      heartbeatMs: HEARTBEAT_MS,
      keepLocalWorker: false,
      messagesOfLink: MESSAGES_OF_LINK,
      doubles: this.#doubles,
      revision,
      time: clock.now(),
    });
    this.#isOk = contents.problem === "";
    if (!this.#isOk && !contents.retry) {
      tell({ kind: "read-only", manager: name, problem: contents.problem });
      return;
    }
    tell({ kind: "took-over", manager: name, identity: this.#machine.identity, how });
    if (this.#isOk) this.#wake();
    else process.after(RECOVERY_DELAY_MS, () => this.#recover(RECOVERY_DELAY_MS));
  }

  #adopt(contents: StoreContents): void {
    const { clusterId, process, tell, name } = this.parts;
    tell({ kind: "adopting", manager: name });
    this.#machine = null;
    this.#isOk = false;
    const options = {
      clusterId,
      actor: "user",
      localWorker: this.guest !== null,
      remoteWorkers: true,
      keepLocalWorker: false,
    };
    this.#stored = clusterOf(contents);
    const adoption = new Adoption(clusterOf(contents), options);
    const timer = process.after(ADOPTION_WAIT_MS, () => this.#finishAdoption());
    this.#adoption = { adoption, contents, timer };
  }

  #finishAdoption(): void {
    if (this.#adoption === null) return;
    const { adoption, contents, timer } = this.#adoption;
    const { clock, process, store } = this.parts;
    timer.isOff = true;
    this.#adoption = null;
    const adopted = adoption.finish(clock.now().wallMs);
    if (adopted.nodes.length === 0) {
      this.#adoptAgain();
      return;
    }
    const atMs = clock.now().wallMs;
    const changes = adopted.drafts.map((draft, i) => ({ revision: contents.revision + 1 + i, atMs, ...draft }));
    const done = process.boundWith((outcome: { readonly kind: string }) => {
      if (outcome.kind === "committed") this.#adopted(adopted);
      else this.#adoptAgain();
    });
    store.commit({ changes }, done);
  }

  /** An adoption that comes to nothing ends the process; whoever wanted it asks for it again, and at last starts without it. */
  #adoptAgain(): void {
    this.#vainAdoptions++;
    this.parts.process.after(ADOPT_AGAIN_MS, () => {
      this.die();
      this.start(this.#vainAdoptions < ADOPT_TRIES);
    });
  }

  #adopted({ aboveTerm, doubles }: Adopted): void {
    this.#doubles = doubles;
    this.#vainAdoptions = 0;
    this.#takeOver(this.parts.store.load({ aboveTerm }), "adoption");
    for (const linkId of [...this.#linkIds]) this.links?.close(linkId);
  }
}

function clusterOf({ records }: StoreContents): Cluster {
  const cluster = emptyCluster();
  for (const change of records) apply(cluster, change);
  return cluster;
}
