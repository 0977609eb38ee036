// Does a fault to the cluster, and undoes it when its time is over. It breaks and mends; whether anything was lost by it is not its business.
import { readdirSync, readFileSync } from "node:fs";
import type { Cut } from "../namespaces.ts";
import { until } from "../until.ts";
import type { Fault } from "./fault.ts";
import type { Foreigners } from "./foreigners.ts";
import type { ChaosCluster, ChaosNode } from "./machines.ts";
import { claimOf, taskNameOf } from "./view.ts";

/** Containers that one fault hits at most. */
const MOST_HIT = 4;
const DAY_S = 86_400;
/** Docker 20.10 gives a containerd three times three seconds to answer before it starts another. */
const CONTAINERD_LIMIT_MS = 30_000;

/**
 * Comes when its time is, and has been undone when this resolves. Gives how many things were hit: processes killed, cables cut ...; where it hit containers, the names of their
 * tasks.
 */
export async function inflict(
  fault: Fault,
  cluster: ChaosCluster,
  foreigners: Foreigners,
): Promise<number | readonly string[]> {
  await Bun.sleep(fault.afterMs);
  const node = cluster.nodes[fault.node] as ChaosNode;
  const hold = () => Bun.sleep(fault.holdMs);
  switch (fault.kind) {
    case "kill-manager":
      await cluster.manager.end("SIGKILL");
      await hold();
      return once(reviveManager(cluster));
    case "kill-worker":
      await node.kill();
      await hold();
      return once(node.start());
    case "kill-container":
      return hit(node, fault, async (id) => killed(await node.engine.pidOf(id)));
    case "kill-shim":
      return hit(node, fault, async (id) => killed(shimOf(id)));
    case "remove-container":
      return hit(node, fault, async (id) => {
        await node.engine.remove(id);
        return true;
      });
    case "kill-containerd":
      return once(killContainerd(node, foreigners, { isLeftAlone: fault.force < 0.5, hold }));
    case "freeze-engine":
      node.engine.signal("SIGSTOP");
      await hold();
      return once(node.engine.signal("SIGCONT"));
    case "kill-engine":
    case "restart-engine":
      return once(interruptEngine(node, foreigners, { isCrash: fault.kind === "kill-engine", hold }));
    case "freeze-manager":
      cluster.manager.child?.kill("SIGSTOP");
      await hold();
      return once(cluster.manager.child?.kill("SIGCONT"));
    case "freeze-worker":
      node.signal("SIGSTOP");
      await hold();
      return once(node.signal("SIGCONT"));
    case "full-disk-manager":
    case "full-disk-worker": {
      const disk = fault.kind === "full-disk-manager" ? cluster.managerDisk : node.disk;
      disk?.fillUp();
      await hold();
      return once(disk?.free());
    }
    case "clock-manager":
    case "clock-worker": {
      const clock = fault.kind === "clock-manager" ? cluster.managerClock : node.clock;
      clock?.step(Math.round((fault.force * 2 - 1) * DAY_S));
      return once(hold());
    }
    case "store-corrupted":
    case "store-truncated":
    case "store-rolled-back":
    case "store-deleted":
      throw new Error("a store is damaged by damageStore");
    default:
      return once(disturbNetwork(fault, cluster, node));
  }
}

/** Starts what has ended by itself, as a service manager does; gives what that was. */
export async function reviveAll(cluster: ChaosCluster): Promise<string[]> {
  const ended: string[] = [];
  if (!cluster.managerIsAlive) {
    ended.push("manager");
    await reviveManager(cluster);
  }
  for (const node of cluster.nodes) {
    if (node.isAlive) continue;
    ended.push(node.name);
    node.start();
  }
  return ended;
}

function reviveManager(cluster: ChaosCluster): Promise<true> {
  return until("the manager starts", async () => {
    await cluster.startManager();
    return true as const;
  });
}

async function once(done: unknown): Promise<number> {
  await done;
  return 1;
}

async function disturbNetwork({ kind, holdMs, force }: Fault, cluster: ChaosCluster, node: ChaosNode): Promise<void> {
  const machine = kind.startsWith("cut-manager") ? cluster.managerMachine : node.machine;
  switch (kind) {
    case "loss":
      for (const way of [
        ["INPUT", "-i"],
        ["OUTPUT", "-o"],
      ]) {
        const chance = ["-m", "statistic", "--mode", "random", "--probability", (0.02 + force * 0.28).toFixed(3)];
        machine.run("iptables", "-A", ...way, "eth0", ...chance, "-j", "DROP");
      }
      break;
    case "rate": {
      const shape = ["rate", `${Math.round(24 + force * 1000)}kbit`, "burst", "4kb", "latency", "400ms"];
      machine.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", ...shape);
      break;
    }
    case "delay":
      cluster.relay.say(`delay ${Math.round(force * 30)} ${Math.round(1 + force * 199)}`);
      break;
    case "stall":
      cluster.relay.say("stall");
      break;
    default:
      machine.cut(cutOf(kind));
  }
  await Bun.sleep(holdMs);
  if (kind === "rate") machine.run("tc", "qdisc", "del", "dev", "eth0", "root");
  else if (kind === "delay" || kind === "stall") cluster.relay.say("flow");
  else machine.heal();
}

function cutOf(kind: string): Cut {
  if (kind.endsWith("deaf")) return "deaf";
  return kind.endsWith("mute") ? "mute" : "both";
}

async function interruptEngine(
  node: ChaosNode,
  foreigners: Foreigners,
  how: { readonly isCrash: boolean; readonly hold: () => Promise<void> },
): Promise<void> {
  foreigners.leave(node);
  await (how.isCrash ? node.engine.crash() : node.engine.stop());
  await how.hold();
  await node.engine.startAfterCrash();
  await foreigners.comeBack(node);
}

/** The engine starts another by itself, after a while; or, with more force, it is restarted before that as an operator does whose containers do not start. */
async function killContainerd(
  node: ChaosNode,
  foreigners: Foreigners,
  how: { readonly isLeftAlone: boolean; readonly hold: () => Promise<void> },
): Promise<void> {
  const before = node.engine.containerdPid;
  if (!node.engine.killContainerd()) throw new Error(`the engine of ${node.name} has no containerd of its own`);
  if (!how.isLeftAlone) return interruptEngine(node, foreigners, { isCrash: false, hold: how.hold });
  const isBack = () => ![0, before].includes(node.engine.containerdPid);
  await until(`the engine of ${node.name} has a containerd again`, isBack, { limitMs: CONTAINERD_LIMIT_MS });
}

/** Some of the node's containers of Cube, one to MOST_HIT, or as many as are named; those that are named before all others. Gives the names of their tasks. */
async function hit(node: ChaosNode, fault: Fault, strike: (id: string) => Promise<boolean>): Promise<string[]> {
  const running = (await node.engine.list())
    .filter((container) => container.state === "running" && claimOf(container) !== null)
    .map((container) => ({ id: container.id, task: taskNameOf(container) }))
    .sort((a, b) => (a.task < b.task ? -1 : 1));
  const named = running.filter(({ task }) => fault.hit?.includes(task));
  const others = running.filter(({ task }) => !fault.hit?.includes(task));
  const first = Math.floor(fault.force * 1000) % Math.max(1, others.length);
  const wanted = fault.hit?.length || 1 + Math.floor(fault.force * MOST_HIT);
  const struck: string[] = [];
  for (const { id, task } of [...named, ...others.slice(first), ...others.slice(0, first)].slice(0, wanted)) {
    // It may have ended by itself in between, which is no fault of ours.
    if (await strike(id)) struck.push(task);
  }
  return struck;
}

function killed(pid: number): boolean {
  if (pid === 0) return false;
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** The process of containerd's that holds a container; 0 for none. */
function shimOf(id: string): number {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      if (command.includes("containerd-shim") && command.includes(id)) return Number(entry);
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0;
}
