/**
 * `cube demo`: the full-screen UI on a simulated cluster. It needs no engine, no network and no rights, reads no configuration, and leaves no file behind: all of
 * it is in this process's memory, and ends with it.
 */
import { createLocalClient } from "../api/local-client.ts";
import { DemoCluster } from "../sim/demo.ts";
import { MANAGER } from "../sim/simulation.ts";
import type { Demo, DemoCommand, DemoFault, DemoState } from "../tui/demo.ts";
import { runUi } from "../tui/run.ts";
import { unusable } from "../tui/terminal/screen.ts";
import { commit, version } from "../version.ts";
import { DemoAccess } from "./demo-access.ts";
import { DemoLinks, DemoStreams } from "./demo-links.ts";
import { DemoPace } from "./demo-pace.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const CRASH_MS = 10 * SECOND;
const CUT_MS = 30 * SECOND;
const POWER_MS = 2 * MINUTE;
const MANAGER_MS = 15 * SECOND;
const SLEEP_MS = 60 * MINUTE;

/** What a demo is made of. */
export interface DemoOptions {
  /** Which story it is. */
  readonly seed: number;
  readonly nodes: number;
  /** Seconds of the cluster in one of ours. */
  readonly speed: number;
}

/** Shows a simulated cluster until it is left. The exit code. */
export async function runDemoRole(options: DemoOptions): Promise<number> {
  const terminal = { stdin: process.stdin.isTTY === true, stdout: process.stdout.isTTY === true };
  const problem = unusable(process.env, terminal);
  if (problem) return refused(problem.message);
  // The first minutes of a large one take seconds; the line is gone when the screen comes.
  process.stdout.write("cube: the simulated cluster comes up ...");
  const cluster = new DemoCluster(options);
  process.stdout.write("\r\x1b[K");
  const links = new DemoLinks(cluster);
  const access = new DemoAccess(cluster);
  using pace = new DemoPace(cluster, options.speed, () => access.look());
  const client = createLocalClient({
    access,
    links,
    streams: new DemoStreams(cluster, links),
    info: infoOf(cluster),
    actor: "ui:you",
    onShutdown: () => {},
  });
  const demo = new DemoControls({ cluster, access, pace });
  // Nothing is written, not even what a library may want to say.
  const end = await runUi({ client, mode: "in-process", demo, logFile: "/dev/null" });
  if (end.kind !== "ended") return refused(end.message);
  if (!end.stalled)
    process.stdout.write("cube: the demo is over, and nothing of it is left. `cube` begins a real cluster\n");
  return end.exitCode;
}

function refused(message: string): number {
  process.stderr.write(`cube: ${message}\n`);
  return 2;
}

function infoOf(cluster: DemoCluster): Parameters<typeof createLocalClient>[0]["info"] {
  const wallMs = (): number => cluster.wallMs;
  return { name: "demo", version, commit, pid: process.pid, startedMs: wallMs(), dataDir: "", wallMs };
}

interface Parts {
  readonly cluster: DemoCluster;
  readonly access: DemoAccess;
  readonly pace: DemoPace;
}

/** The keys of the demo, carried out. */
class DemoControls implements Demo {
  readonly laterMs: number;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.laterMs = Date.now() - parts.cluster.wallMs;
  }

  state(): DemoState {
    const { cluster, pace } = this.#parts;
    const leftMinutes = Math.ceil(pace.leftMs / MINUTE);
    return {
      speed: pace.speed,
      held: pace.held,
      background: cluster.story.isOn,
      leaping: leftMinutes === 0 ? "" : `asleep, ${leftMinutes} min to go`,
      aheadMs: cluster.wallMs - Date.now(),
    };
  }

  async perform(command: DemoCommand): Promise<string> {
    const { cluster, pace } = this.#parts;
    switch (command.kind) {
      case "faster":
        return pace.faster() ? `time passes ${pace.speed} times as fast` : "this is as fast as it goes";
      case "slower":
        return pace.slower() ? speedWords(pace.speed) : "this is as slow as it goes; P holds it";
      case "hold":
        pace.held = !pace.held;
        return pace.held ? "the cluster's time stands still; P lets it go on" : "time goes on";
      case "background":
        cluster.story.isOn = !cluster.story.isOn;
        return cluster.story.isOn ? "things break by themselves again" : "nothing breaks by itself any more";
      default:
        return this.#break(command.fault, command);
    }
  }

  async #break(fault: DemoFault, on: { readonly taskId: string; readonly nodeId: string }): Promise<string> {
    const { cluster, pace } = this.#parts;
    if (pace.leftMs > 0) throw new Error("the manager's laptop sleeps; wait until it is awake");
    const atMs = cluster.sim.nowMs;
    const { nodeId: node } = on;
    // Two faults of one machine at a time would be more than a person can follow, and one would end the other.
    if (["crash", "cut", "power"].includes(fault) && cluster.isHeld(node)) throw new Error(`${node} is broken already`);
    switch (fault) {
      case "kill":
        return this.#kill(on.taskId);
      case "crash":
        cluster.begin({ atMs, kind: "crash", who: node, when: "now", downMs: CRASH_MS });
        return `the worker of ${node} is dead, for 10 s; its containers run on`;
      case "cut":
        cluster.begin({ atMs, kind: "cut", from: node, to: MANAGER, both: true, forMs: CUT_MS });
        return `${node} is cut off from the manager, for 30 s`;
      case "power":
        cluster.begin({ atMs, kind: "power", machine: node, downMs: POWER_MS });
        return `${node} is switched off, for 2 min; what ran there starts elsewhere`;
      case "manager":
        cluster.begin({ atMs, kind: "crash", who: MANAGER, when: "now", downMs: MANAGER_MS });
        return "the manager is dead, for 15 s; its workers go on alone";
      default:
        return this.#sleep();
    }
  }

  #kill(taskId: string): string {
    const { cluster } = this.#parts;
    const task = cluster.sim.manager.manager.machine?.cluster.tasks.get(taskId);
    const node = task?.nodeId ?? "";
    if (!cluster.kill(node, taskId)) throw new Error("no container of that task runs");
    return `the container on ${node} is killed; its worker starts it again`;
  }

  /** Nobody is there to look at it, so the hour passes in a hurry. */
  async #sleep(): Promise<string> {
    const { cluster, access, pace } = this.#parts;
    if (access.away !== "") throw new Error("there is no manager just now that could sleep");
    cluster.begin({ atMs: cluster.sim.nowMs, kind: "sleep", machine: MANAGER, forMs: SLEEP_MS });
    access.startOver();
    await pace.hurry(SLEEP_MS);
    access.startOver();
    return "the manager's laptop has slept for an hour, and the cluster went on without it";
  }
}

function speedWords(speed: number): string {
  return speed === 1 ? "time passes as it does for us" : `time passes ${speed} times as fast`;
}
