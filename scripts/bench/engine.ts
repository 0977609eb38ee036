/**
 * The container engine called directly: what a start costs without Cube. It sends the create bodies that Cube sends, to the same socket, and nothing but
 * create, start and inspect. Its containers carry the benchmark's own node label, so that no worker takes them for its own.
 */
import { toJobSpec } from "../../src/client/job-request.ts";
import { containerName } from "../../src/core/container-name.ts";
import { createBody } from "../../src/runtime/docker-body.ts";
import { LABEL } from "../../src/runtime/docker-instance.ts";

/** What both sides start: made with `docker import` of a static busybox, so that no registry is needed. */
const IMAGE = "cube-test/busybox:1";
/** Longer than any benchmark. */
const COMMAND = ["sleep", "3600"];

const SOCKET = "/var/run/docker.sock";
const REMOVE_WIDTH = 4;

/** What is started at once. */
export interface Load {
  readonly count: number;
  /** CPU that each task asks for and is held to, in thousandths of a core; 0 for no limit, which counts as 100 when it is placed. */
  readonly cpuMillis: number;
  readonly network: "bridge" | "none";
}

/** The load as a job's request, for both sides. */
export function jobRequest(name: string, { count, cpuMillis, network }: Load) {
  return { name, count, cpuMillis, image: IMAGE, command: COMMAND, privileges: { network } };
}

/** One benchmark's view of the engine. */
export class DirectEngine implements AsyncDisposable {
  readonly #nodeId = `bench-${process.pid}`;
  #made = 0;

  /** Starts containers, at most `width` at a time; milliseconds until the last one is seen running. Removes them before it returns. */
  async trial(load: Load, width: number): Promise<number> {
    const ids: string[] = [];
    const begin = performance.now();
    await inParallel(load.count, width, async () => void ids.push(await this.#startOne(load)));
    const elapsedMs = performance.now() - begin;
    await removeContainers(ids);
    return elapsedMs;
  }

  async #startOne(load: Load): Promise<string> {
    const taskId = `${process.pid}x${this.#made++}`.padStart(12, "0");
    const [service] = toJobSpec(jobRequest("bench", load)).services;
    if (service === undefined) throw new Error("a job without a service");
    const request = { taskId, incarnation: 1, jobId: "bench", name: "bench", service: "bench", slot: 0 };
    const body = createBody({ ...request, spec: service.task, specHash: "" }, this.#nodeId, "bench");
    if (!body.ok) throw new Error(body.failure.message);
    const name = containerName(request);
    const { Id } = (await call("POST", `/containers/create?name=${name}`, body.value)) as { Id: string };
    await call("POST", `/containers/${Id}/start`);
    const seen = (await call("GET", `/containers/${Id}/json`)) as { State: { Running: boolean } };
    if (!seen.State.Running) throw new Error(`container ${name} does not run`);
    return Id;
  }

  /** Removes what a broken trial left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeNode(this.#nodeId);
  }
}

/** Removes every container of that node, running or not. */
export async function removeNode(nodeId: string): Promise<void> {
  await removeContainers(await containersOf(nodeId));
}

/** Ids of all containers of that node. */
export async function containersOf(nodeId: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABEL.node}=${nodeId}`] }));
  const found = (await call("GET", `/containers/json?all=1&filters=${filters}`)) as readonly { Id: string }[];
  return found.map((container) => container.Id);
}

async function removeContainers(ids: readonly string[]): Promise<void> {
  const left = [...ids];
  await inParallel(ids.length, REMOVE_WIDTH, async () => {
    const id = left.pop();
    // 404 and 409: somebody else has removed it, or does so now.
    if (id !== undefined) await call("DELETE", `/containers/${id}?force=1&v=1`);
  });
}

async function inParallel(count: number, width: number, act: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await act();
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const json =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`http://engine${path}`, { method, unix: SOCKET, ...json });
  const text = await response.text();
  if (response.status >= 400 && !(method === "DELETE" && [404, 409].includes(response.status)))
    throw new Error(`${method} ${path}: ${text.trim()}`);
  return text === "" ? null : JSON.parse(text);
}
