/** What each fault does, and how it ends. Faults may overlap: what two of them hold is let go when both have ended. */

import type { Course } from "./course.ts";
import type { DiskTrouble, JournalImage, StoreImage } from "./disk.ts";
import type { Fault } from "./faults.ts";
import { beginEngineFault } from "./inject-engine.ts";
import { beginNetworkFault } from "./inject-network.ts";
import { MANAGER, SECOND, type SimNode, type Simulation } from "./simulation.ts";

/** How often a crash that waits for a write looks for one, in ms, and for how long. */
const LOOK_MS = 1;
const LOOK_FOR_MS = 5_000;
const RESTART_MS = 500;
/** How long a write to a slow disk takes in the mean, in ms, and to another one. */
const SLOW_WRITE_MS = 200;
const WRITE_MS = 2;

/** Brings a schedule of faults about. */
export class Injector {
  readonly #sim: Simulation;
  readonly #images = new Map<number, StoreImage>();
  readonly #journals = new Map<Fault, JournalImage>();
  readonly #atEffects = new Map<string, Extract<Fault, { kind: "crash-at-effect" }>[]>();
  /** Ends of faults that are not over yet. */
  readonly #pending = new Set<() => void>();
  /** Processes that nobody starts again. */
  readonly #dead = new Set<string>();
  /** How many faults hold each thing that ends with the last of them. */
  readonly #held = new Map<string, number>();
  #stopped = false;

  constructor(sim: Simulation) {
    this.#sim = sim;
    for (const fault of sim.plan.faults) this.#plan(fault);
    sim.onEffect((who, phase) => this.#effect(who, phase));
  }

  /** Brings a fault about that no plan foresaw. */
  begin(fault: Fault): void {
    if (!this.#stopped) this.#begin(fault);
  }

  /** No fault begins any more, and those that last end now. */
  stop(): void {
    this.#stopped = true;
    for (const end of [...this.#pending]) end();
    this.#atEffects.clear();
    const { network, nodes, managers, plan } = this.#sim;
    network.traits = { ...network.traits, ...plan.network, garbagePerMille: 0, capacity: 4_096 };
    for (const { engine } of nodes.values()) engine.heal();
    for (const [name, { manager }] of managers) if (name === MANAGER && !manager.parts.process.alive) manager.start();
    for (const name of nodes.keys()) this.#startAgain(name);
    this.#sim.tell({ kind: "healed" });
  }

  /** Unless somebody has already, or it never comes back. */
  #startAgain(who: string, start?: () => void): void {
    const one = this.#sim.process(who);
    const isOff = (this.#held.get(`power/${this.#machineOf(who)}`) ?? 0) > 0;
    if (!one.process.alive && !this.#dead.has(who) && !isOff) (start ?? one.start)();
  }

  #clone(fault: Extract<Fault, { kind: "clone" | "clone-disk" }>): void {
    const worker = this.#sim.clone(fault.node);
    const { process, journal } = worker.parts;
    if (process.alive) return;
    if (fault.kind === "clone-disk") journal.putBack(this.#node(fault.node).journal.image());
    worker.start();
    this.#ends(fault, fault.forMs, () => {
      this.#sim.network.hangUpAll(process);
      worker.die();
    });
  }

  #goes({ node, how }: Extract<Fault, { kind: "gone" }>): void {
    if (how === "cut" || how === "mute" || how === "deaf") {
      for (const manager of [MANAGER, SECOND]) {
        if (how !== "deaf") this.#sim.network.cut(node, manager);
        if (how !== "mute") this.#sim.network.cut(manager, node);
      }
      return;
    }
    this.#dead.add(node);
    if (how === "power") this.#losePower(node);
    else if (how === "frozen") this.#sim.process(node).process.pause();
    else this.#sim.process(node).die();
  }

  #plan(fault: Fault): void {
    const { queue } = this.#sim;
    if (fault.kind === "store-rollback") {
      queue.after(fault.toMs, () => this.#images.set(fault.atMs, this.#sim.manager.store.image()));
    }
    if (fault.kind === "journal-rollback") {
      const { journal } = this.#node(fault.node);
      queue.after(Math.max(0, fault.atMs - fault.agoMs), () => this.#journals.set(fault, journal.image()));
    }
    if (fault.kind === "crash-at-effect") {
      this.#atEffects.set(fault.who, [...(this.#atEffects.get(fault.who) ?? []), fault]);
      return;
    }
    queue.after(fault.atMs, () => {
      if (!this.#stopped) this.#begin(fault);
    });
  }

  #begin(fault: Fault): void {
    this.#sim.tell({ kind: "fault", fault, phase: "begins" });
    switch (fault.kind) {
      case "crash":
        this.#crash(fault);
        return;
      case "pause":
        this.#pause(fault);
        return;
      case "sleep":
        this.#sleep(fault);
        return;
      case "power":
        this.#power(fault);
        return;
      case "wall-step":
        this.#sim.clockOf(fault.machine).step(fault.byMs);
        return;
      case "crash-twice":
        this.#crashTwice(fault);
        return;
      case "upgrade":
        if (!this.#sim.process(fault.node).process.stopped) this.#node(fault.node).worker.remember();
        this.#restart(fault.node, fault.downMs);
        return;
      case "stalls":
        this.#stall(fault, fault.forMs);
        return;
      case "resize":
        this.#restart(fault.node, RESTART_MS, () => this.#node(fault.node).worker.resize(fault.cpuMillis));
        return;
      case "relabel":
        this.#restart(fault.node, RESTART_MS, () => this.#node(fault.node).worker.relabel(fault.zone));
        return;
      case "disk":
        this.#disk(fault);
        return;
      case "journal-wipe":
        this.#restart(fault.node, 100, () => this.#node(fault.node).journal.wipe());
        return;
      case "journal-rollback":
        this.#restart(fault.node, fault.downMs, () => {
          const { journal } = this.#node(fault.node);
          if (fault.flipped === undefined) journal.putBack(this.#journals.get(fault) ?? []);
          else journal.flip(fault.flipped);
        });
        return;
      case "store-rollback":
      case "store-wipe":
        this.#replaceStore(fault);
        return;
      case "store-gap":
        this.#harmStore(fault);
        return;
      case "second-manager":
        this.#second(fault);
        return;
      case "clone":
      case "clone-disk":
        this.#clone(fault);
        return;
      case "gone":
        this.#goes(fault);
        return;
      default:
        if (!beginNetworkFault(fault, this.#sim, this.#course)) beginEngineFault(fault, this.#sim, this.#course);
    }
  }

  readonly #course: Course = {
    ends: (fault, ms, end) => this.#ends(fault, ms, end),
    holds: (what) => this.#holds(what),
    later: (ms, goOn) => this.#later(ms, goOn),
  };

  #holds(what: string): () => boolean {
    this.#held.set(what, (this.#held.get(what) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(what) ?? 1) - 1;
      this.#held.set(what, left);
      return left === 0;
    };
  }

  #later(ms: number, goOn: () => void): void {
    this.#sim.queue.after(ms, () => {
      if (!this.#stopped) goOn();
    });
  }

  #crash(fault: Extract<Fault, { kind: "crash" }>): void {
    const { who, downMs } = fault;
    if (fault.when === "now") this.#restart(who, downMs);
    else this.#crashAmidWrite(who, downMs, LOOK_FOR_MS);
  }

  #crashAmidWrite(who: string, downMs: number, forMs: number): void {
    if (this.#stopped) return;
    if (forMs <= 0 || this.#sim.process(who).isWriting()) this.#restart(who, downMs);
    else this.#sim.queue.after(LOOK_MS, () => this.#crashAmidWrite(who, downMs, forMs - LOOK_MS));
  }

  #effect(who: string, phase: "before" | "after"): void {
    const faults = this.#atEffects.get(who);
    if (faults === undefined) return;
    const number = this.#sim.effects.get(who) ?? 0;
    const due = faults.find((fault) => fault.effect === number && fault.phase === phase);
    if (due === undefined) return;
    this.#atEffects.set(
      who,
      faults.filter((fault) => fault !== due),
    );
    this.#sim.tell({ kind: "fault", fault: due, phase: "begins" });
    this.#restart(who, due.downMs);
  }

  /** Ends a process at once and starts it again later; `between` happens while nobody is there. */
  #restart(who: string, downMs: number, between?: () => void, start?: () => void): void {
    const one = this.#sim.process(who);
    if (one.process.alive) one.die();
    between?.();
    this.#ends(null, downMs, () => this.#startAgain(who, start));
  }

  #crashTwice({ who, downMs, thenMs }: Extract<Fault, { kind: "crash-twice" }>): void {
    this.#restart(who, downMs);
    this.#later(downMs + thenMs, () => this.#restart(who, downMs));
  }

  #stall(fault: Extract<Fault, { kind: "stalls" }>, leftMs: number): void {
    const { who, pauseMs, everyMs } = fault;
    if (leftMs <= 0) return;
    const { process } = this.#sim.process(who);
    this.#ends(null, pauseMs, process.pause());
    this.#later(pauseMs + everyMs, () => this.#stall(fault, leftMs - pauseMs - everyMs));
  }

  #pause(fault: Extract<Fault, { kind: "pause" }>): void {
    const { process } = this.#sim.process(fault.who);
    this.#ends(fault, fault.forMs, process.pause());
  }

  #sleep(fault: Extract<Fault, { kind: "sleep" }>): void {
    const clock = this.#sim.clockOf(fault.machine);
    const { process } = this.#sim.process(fault.machine);
    if (clock.isAsleep) return;
    clock.sleep();
    process.stop();
    this.#ends(fault, fault.forMs, () => {
      clock.wake();
      process.resume();
    });
  }

  /** Nothing is started there meanwhile, and its clock begins anew once the last of them is over. */
  #power(fault: Extract<Fault, { kind: "power" }>): void {
    const { machine, downMs } = fault;
    const where = this.#machineOf(machine);
    this.#losePower(machine);
    const isLast = this.#holds(`power/${where}`);
    this.#ends(fault, downMs, () => {
      if (!isLast()) return;
      this.#sim.clockOf(machine).reboot();
      this.#sim.clockOf(machine).step(fault.wrongByMs ?? 0);
      this.#startAgain(machine);
    });
  }

  /** The machine under a process: the manager's own worker has none of its own. */
  #machineOf(who: string): string {
    return this.#sim.nodes.get(who)?.plan.local === true ? MANAGER : who;
  }

  #losePower(machine: string): void {
    const node = this.#sim.nodes.get(machine);
    if (node === undefined) {
      this.#sim.managers.get(machine)?.manager.die();
      // The manager's own worker is on its machine.
      for (const { plan, engine } of this.#sim.nodes.values()) if (plan.local && machine === MANAGER) engine.endAll();
    }
    node?.worker.die();
    node?.engine.endAll();
  }

  #disk(fault: Extract<Fault, { kind: "disk" }>): void {
    const { trouble, forMs } = fault;
    const disks = this.#disksOf(fault.who);
    const isLast = this.#holds(`disk/${this.#machineOf(fault.who)}/${trouble}`);
    for (const disk of disks) setTrouble(disk, trouble, true);
    this.#ends(fault, forMs, () => {
      if (isLast()) for (const disk of disks) setTrouble(disk, trouble, false);
    });
  }

  /** Of the machine under a process: the manager's own worker writes to the same disk. */
  #disksOf(who: string): readonly { readonly trouble: DiskTrouble }[] {
    const where = this.#machineOf(who);
    const journals = [...this.#sim.nodes.keys()].filter((name) => this.#machineOf(name) === where);
    const store = this.#sim.managers.get(where)?.store;
    return [...(store === undefined ? [] : [store]), ...journals.map((name) => this.#node(name).journal)];
  }

  #replaceStore(fault: Extract<Fault, { kind: "store-rollback" | "store-wipe" }>): void {
    const { manager, store } = this.#sim.manager;
    const replace = (): void => {
      const image = this.#images.get(fault.atMs);
      if (fault.kind === "store-wipe") store.wipe();
      else if (image !== undefined) store.replace(image);
      const how = fault.kind === "store-wipe" ? "wipe" : "rollback";
      this.#sim.tell({ kind: "replaced", manager: MANAGER, how });
    };
    this.#restart(MANAGER, fault.downMs, replace, () => manager.start(fault.adopt));
    if (fault.adoptAfterMs === undefined) return;
    this.#later(fault.downMs + fault.adoptAfterMs, () =>
      this.#restart(MANAGER, RESTART_MS, undefined, () => manager.start(true)),
    );
  }

  #harmStore(fault: Extract<Fault, { kind: "store-gap" }>): void {
    const { manager, store } = this.#sim.manager;
    const backups: StoreImage[] = [];
    this.#restart(MANAGER, fault.downMs, () => {
      if (store.damage === "") backups.push(store.image());
      store.harm(fault);
    });
    const repair = (): void => {
      const [backup] = backups;
      if (fault.repair === "backup" && backup !== undefined) store.replace(backup);
      else store.acceptLoss();
      this.#sim.tell({ kind: "replaced", manager: MANAGER, how: fault.repair === "backup" ? "rollback" : "loss" });
    };
    this.#ends(fault, fault.downMs + fault.forMs, () => {
      if (store.damage !== "") this.#restart(MANAGER, RESTART_MS, repair, () => manager.start(true));
    });
  }

  #second(fault: Extract<Fault, { kind: "second-manager" }>): void {
    const { manager } = this.#sim.copyManager(this.#sim.manager.store.image());
    if (manager.parts.process.alive) return;
    this.#sim.tell({ kind: "replaced", manager: SECOND, how: "copy" });
    manager.start();
    // Workers obey the one with the higher term from now on: when it is ended, the first one has to adopt what they run.
    this.#ends(fault, fault.forMs, () => {
      this.#sim.process(SECOND).die();
      this.#restart(MANAGER, RESTART_MS, undefined, () => this.#sim.manager.manager.start(true));
    });
  }

  /** Ends a fault after a while, or when all are ended. */
  #ends(fault: Fault | null, ms: number, end: () => void): void {
    const once = (): void => {
      if (!this.#pending.delete(once)) return;
      if (fault !== null) this.#sim.tell({ kind: "fault", fault, phase: "ends" });
      end();
    };
    this.#pending.add(once);
    this.#sim.queue.after(ms, once);
  }

  #node(name: string): SimNode {
    const node = this.#sim.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name} in this run`);
    return node;
  }
}

function setTrouble(
  { trouble }: { readonly trouble: DiskTrouble },
  what: Extract<Fault, { kind: "disk" }>["trouble"],
  isSo: boolean,
): void {
  if (what === "slow") trouble.writeMs = isSo ? SLOW_WRITE_MS : WRITE_MS;
  else trouble[what] = isSo;
}
