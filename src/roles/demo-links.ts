/** The links and streams of a simulated cluster: nobody can join it, and what its tasks write is made up, and says so. */
import type { NodeLinks, NodePeer, TaskStreams } from "../api/ports.ts";
import type { DialledResource } from "../client/resources.ts";
import { fail, type Result } from "../core/failure.ts";
import type { DemoCluster } from "../sim/demo.ts";
import { demoAddress } from "../sim/demo-nodes.ts";
import { outputOf, SIMULATED } from "../sim/demo-output.ts";
import { MANAGER } from "../sim/simulation.ts";
import type { ExecSession, LogChunk, LogQuery } from "../worker/ports.ts";

const ALONE = "this is a simulated cluster: no machine can join it. `cube` begins a real one";
const PROTOCOL = 1;
/** How often a followed output is looked at, in ms. */
const LOOK_MS = 200;
/** Lines that are made at most at a time. */
const LINES = 2_000;

/** Links as they would look between real machines. */
export class DemoLinks implements NodeLinks {
  readonly #demo: DemoCluster;
  readonly #places: ReadonlyMap<string, number>;
  /** When each link came up, by node; wall clock. */
  readonly #up: Map<string, number>;

  constructor(demo: DemoCluster) {
    this.#demo = demo;
    this.#places = new Map([...demo.sim.nodes.keys()].map((name, at) => [name, at]));
    this.#up = new Map(demo.linkedSince);
    demo.sim.watch((event, atMs) => {
      if (event.kind === "linked" && event.manager === MANAGER) this.#up.set(event.node, demo.wallAt(atMs));
      if (event.kind === "unlinked" && event.manager === MANAGER) this.#up.delete(event.node);
    });
  }

  joinToken(): string {
    return "";
  }

  renewJoinToken(): Result<string> {
    return fail("invalid", ALONE);
  }

  addresses(): readonly string[] {
    return [];
  }

  dial(): Result<DialledResource> {
    return fail("invalid", ALONE);
  }

  undial(): Result<DialledResource> {
    return fail("not_found", ALONE);
  }

  dialled(): readonly DialledResource[] {
    return [];
  }

  peer(nodeId: string): NodePeer | null {
    const sinceMs = this.#up.get(nodeId);
    const plan = this.#demo.sim.nodes.get(nodeId)?.plan;
    if (sinceMs === undefined || plan === undefined) return null;
    const at = this.#places.get(nodeId) ?? 0;
    const roundTripMs = 2 + ((at * 7) % 9);
    return { address: demoAddress(at), dialledBy: plan.dialledBy, roundTripMs, sinceMs, protocol: PROTOCOL };
  }

  removed(): void {}
}

/** Output that is made up as time passes. Nothing runs, so there is no shell. */
export class DemoStreams implements TaskStreams {
  readonly #demo: DemoCluster;
  readonly #links: NodeLinks;

  constructor(demo: DemoCluster, links: NodeLinks) {
    this.#demo = demo;
    this.#links = links;
  }

  async *logs(nodeId: string, taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    yield { stream: "stdout", atMs: this.#demo.wallMs, text: `${SIMULATED}\n` };
    if (this.#links.peer(nodeId) === null) throw new Error(`${nodeId} is out of reach`);
    const { sim } = this.#demo;
    let untilMs = sim.nowMs;
    const sinceMs = query.sinceMs === null ? 0 : query.sinceMs - this.#demo.wallAt(0);
    yield* this.#lines(nodeId, taskId, { afterMs: sinceMs - 1, untilMs, most: query.tail ?? LINES });
    while (query.follow && !signal.aborted && this.#isLive(nodeId, taskId)) {
      await Bun.sleep(LOOK_MS);
      const afterMs = untilMs;
      untilMs = sim.nowMs;
      yield* this.#lines(nodeId, taskId, { afterMs, untilMs, most: LINES });
    }
  }

  async exec(_nodeId: string, taskId: string): Promise<Result<ExecSession>> {
    const { machine } = this.#demo.sim.manager.manager;
    const task = machine?.cluster.tasks.get(taskId);
    return fail("invalid", `${task?.service ?? "the task"} is simulated: there is no container to open a shell in`);
  }

  async inspectRaw(): Promise<Result<unknown>> {
    return fail("not_found", "the task is simulated: no engine knows its container");
  }

  /** Whether it may still write something. */
  #isLive(nodeId: string, taskId: string): boolean {
    const task = this.#demo.sim.manager.manager.machine?.cluster.tasks.get(taskId);
    const ends = ["complete", "failed", "rejected", "stopped", "lost"];
    const isOver = task !== undefined && ends.includes(task.fact.state);
    return !isOver || this.#demo.containersOf(nodeId, taskId).some(({ status }) => status === "running");
  }

  #lines(nodeId: string, taskId: string, span: Parameters<typeof outputOf>[1]): LogChunk[] {
    const lines = this.#demo.containersOf(nodeId, taskId).flatMap((one) => outputOf(one, span));
    return lines
      .slice(-span.most)
      .map(({ stream, atMs, text }) => ({ stream, atMs: this.#demo.wallAt(atMs), text: `${text}\n` }));
  }
}
