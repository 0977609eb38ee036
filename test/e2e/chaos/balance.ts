// Whether the books balance: what was accepted, what the manager tells and what each engine has must be one and the same. Pure; every contradiction comes
// with the facts that contradict. `balance.test.ts` plants each kind of them.
import type { TaskResource } from "../../../src/client/resources.ts";
import type { ListedContainer } from "../engine.ts";
import type { Entry } from "./book.ts";
import { claimOf, type EngineView, type View } from "./view.ts";

/** Two facts that cannot both be. */
export interface Contradiction {
  readonly kind: "lost" | "twice" | "orphan" | "foreign" | "story";
  readonly text: string;
}

/** A container that is none of Cube's, as it was left. */
export interface Foreigner {
  readonly node: string;
  readonly id: string;
  readonly name: string;
}

/** What is held against each other. */
export interface Books {
  readonly entries: readonly Entry[];
  readonly view: View;
  readonly foreigners: readonly Foreigner[];
}

const ENDED = ["complete", "failed", "stopped"];

/** Everything that does not balance; to be asked of a cluster that has come to rest. */
export function contradictions({ entries, view, foreigners }: Books): Contradiction[] {
  return [
    ...entries.flatMap((entry) => ofEntry(entry, view)),
    ...unknownJobs(entries, view),
    ...view.engines.flatMap((engine) => ofContainers(engine, view)),
    ...alwaysFalse(entries, view.engines, foreigners),
    ...ofNodes(view),
  ];
}

/** What must never be, not for a moment and under no fault. An engine that does not answer says nothing. */
export function alwaysFalse(
  entries: readonly Entry[],
  engines: readonly EngineView[],
  foreigners: readonly Foreigner[],
): Contradiction[] {
  return [...twins(engines), ...rivals(entries, engines), ...disturbed(engines, foreigners)];
}

function ofEntry(entry: Entry, view: View): Contradiction[] {
  const jobs = view.jobs.filter(({ id, name }) => id === entry.jobId || name === entry.name);
  const tasks = view.tasks.filter(({ jobId, current }) => current && jobs.some(({ id }) => id === jobId));
  switch (entry.told) {
    case "asked":
      return [{ kind: "lost", text: `${entry.name} was submitted and never answered` }];
    case "gone":
    case "remove":
      return jobs.map(() => ({ kind: "story", text: `${entry.name} was removed, and the manager still has it` }));
    case "run":
    case "stop":
      return [...ofJob(entry, jobs), ...(jobs.length === 1 ? ofSlots(entry, tasks) : [])];
  }
}

function ofJob(entry: Entry, jobs: View["jobs"]): Contradiction[] {
  const [job] = jobs;
  if (!job)
    return [{ kind: "lost", text: `${entry.name} (${entry.jobId}) was accepted, and the manager has no such job` }];
  if (jobs.length > 1) {
    const ids = jobs.map(({ id }) => id).join(" and ");
    return [{ kind: "twice", text: `${entry.name} was submitted once, with one key, and is there as ${ids}` }];
  }
  const wanted = entry.told;
  if (job.desired === wanted) return [];
  return [{ kind: "story", text: `${entry.name} was told to ${wanted}, and the manager wants it to ${job.desired}` }];
}

function ofSlots(entry: Entry, tasks: readonly TaskResource[]): Contradiction[] {
  const wrong = tasks.filter(({ state }) => !isAsTold(entry, state));
  const found = wrong.map((task): Contradiction => {
    return {
      kind: entry.told === "run" ? "lost" : "story",
      text: `${entry.name} was told to ${entry.told}: ${inWords(task)}`,
    };
  });
  if (tasks.length === entry.count) return found;
  const text = `${entry.name} has ${entry.count} slots, and the manager tells of ${tasks.length} newest attempts`;
  return [...found, { kind: tasks.length < entry.count ? "lost" : "twice", text }];
}

function isAsTold({ told, kind }: Entry, state: TaskResource["state"]): boolean {
  if (told === "stop") return ENDED.includes(state) || state === "lost";
  return kind === "batch" ? ENDED.includes(state) : state === "running";
}

function unknownJobs(entries: readonly Entry[], view: View): Contradiction[] {
  const names = new Set(entries.map(({ name }) => name));
  return view.jobs
    .filter(({ name }) => !names.has(name))
    .map(({ name, id }) => ({ kind: "story", text: `the manager has a job ${name} (${id}) that nobody submitted` }));
}

/** Every container of Cube against the manager's story, and every task that is told to run against its engine. */
function ofContainers({ node, containers }: EngineView, view: View): Contradiction[] {
  if (containers === null) return [{ kind: "story", text: `the engine of ${node} does not answer` }];
  const known = new Map(view.tasks.map((task) => [task.id, task]));
  const here = view.tasks.filter(({ nodeName, state }) => nodeName === node && state === "running");
  const running = new Set(containers.filter(isRunning).map(({ id }) => id));
  const absent = here.filter(({ containerId }) => !running.has(containerId));
  return [
    ...containers.flatMap((container) => ofContainer(node, container, known)),
    ...absent.map((task): Contradiction => {
      return { kind: "lost", text: `${inWords(task)}, and no such container runs there` };
    }),
  ];
}

function ofContainer(
  node: string,
  container: ListedContainer,
  known: ReadonlyMap<string, TaskResource>,
): Contradiction[] {
  const claim = claimOf(container);
  if (claim === null) return [];
  const task = known.get(claim.task);
  const what = `container ${container.name} (${container.id.slice(0, 12)}, ${container.state}) on ${node}`;
  if (!task) return [{ kind: "orphan", text: `${what}: the manager has no task ${claim.task}` }];
  if (!isRunning(container)) return [];
  const isTold = task.state === "running" && task.nodeName === node && task.incarnation === claim.incarnation;
  if (isTold && task.current) return [];
  return [{ kind: "orphan", text: `${what}: the manager says ${inWords(task)}` }];
}

/** One task's incarnations that live at the same time, wherever. */
function twins(engines: readonly EngineView[]): Contradiction[] {
  const live = new Map<string, string[]>();
  for (const { node, containers } of engines) {
    for (const container of containers ?? []) {
      const claim = claimOf(container);
      if (claim === null || !isRunning(container)) continue;
      live.set(claim.task, [...(live.get(claim.task) ?? []), `${container.name} on ${node}`]);
    }
  }
  return [...live.values()]
    .filter((where) => where.length > 1)
    .map((where) => ({ kind: "twice", text: `one task lives ${where.length} times: ${where.join(", ")}` }));
}

/** Slots of jobs that may not be replaced while a node is away, and live twice nevertheless. */
function rivals(entries: readonly Entry[], engines: readonly EngineView[]): Contradiction[] {
  const alone = new Map(entries.filter(({ replace }) => !replace).map((entry) => [entry.jobId, entry]));
  const live = engines.flatMap(({ node, containers }) =>
    (containers ?? []).filter(isRunning).flatMap((container) => {
      const claim = claimOf(container);
      return claim === null ? [] : [{ job: claim.job, where: `${container.name} on ${node}` }];
    }),
  );
  const found: Contradiction[] = [];
  for (const [job, containers] of Map.groupBy(live, ({ job }) => job)) {
    const entry = alone.get(job);
    if (!entry || containers.length <= entry.count) continue;
    const text = `${entry.name} is never to be replaced, has ${entry.count} slots and lives as`;
    found.push({ kind: "twice", text: `${text} ${containers.map(({ where }) => where).join(", ")}` });
  }
  return found;
}

function disturbed(engines: readonly EngineView[], foreigners: readonly Foreigner[]): Contradiction[] {
  return foreigners.flatMap(({ node, id, name }): Contradiction[] => {
    const containers = engines.find((engine) => engine.node === node)?.containers;
    if (!containers) return [];
    const found = containers.find((container) => container.id === id);
    if (!found) return [{ kind: "foreign", text: `the foreign container ${name} on ${node} is gone` }];
    if (isRunning(found) && found.name === name) return [];
    return [{ kind: "foreign", text: `the foreign container ${name} on ${node} is now ${found.name}, ${found.state}` }];
  });
}

function ofNodes({ nodes, engines, manager }: View): Contradiction[] {
  const found: string[] = [];
  if (nodes.length !== engines.length)
    found.push(`there are ${engines.length} nodes, the manager knows ${nodes.length}`);
  for (const node of nodes) {
    const problem = node.runtimes.find(({ kind }) => kind === "docker")?.problem ?? "no docker";
    const isWell = node.state === "ready" && node.availability === "eligible" && node.dialledBy !== undefined;
    if (!isWell)
      found.push(
        `${node.name} is ${node.state}, ${node.availability}, linked: ${node.dialledBy ?? "no"} ${node.reason}`,
      );
    if (problem !== "") found.push(`${node.name}: docker: ${problem}`);
    if (node.reason !== "") found.push(`${node.name}: ${node.reason}`);
  }
  if (manager.health !== "ok") found.push(`the manager is ${manager.health}: ${manager.problem}`);
  return found.map((text) => ({ kind: "story", text }));
}

function isRunning({ state }: ListedContainer): boolean {
  return state === "running" || state === "paused";
}

function inWords(task: TaskResource): string {
  const where = task.nodeName === "" ? "nowhere" : `on ${task.nodeName}`;
  const why = [task.message, task.reason].filter((part) => part !== "").join("; ");
  const which = `${task.name} (${task.id}, attempt ${task.attempt}, incarnation ${task.incarnation})`;
  return `${which} is ${task.state} ${where}${task.current ? "" : ", not the newest attempt"}${why === "" ? "" : ` (${why})`}`;
}
