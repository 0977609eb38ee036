import { expect, test } from "bun:test";
import type { JobResource, ManagerResource, NodeResource, TaskResource } from "../../../src/client/resources.ts";
import type { ListedContainer } from "../engine.ts";
import { alwaysFalse, type Books, type Contradiction, contradictions } from "./balance.ts";
import type { Entry } from "./book.ts";
import { LABELS, type View } from "./view.ts";

const FOREIGN = { node: "n2", id: "f1", name: "stranger" };

function entry(name: string, more: Partial<Entry> = {}): Entry {
  const usual = { count: 1, kind: "service", replace: true, told: "run", isUnsure: false, keyIsKnown: true } as const;
  return { name, key: `key-${name}`, jobId: `job-${name}`, ...usual, ...more };
}

function job(name: string, more: Partial<JobResource> = {}): JobResource {
  return { id: `job-${name}`, name, desired: "run", ...more } as JobResource;
}

function task(name: string, more: Partial<TaskResource> = {}): TaskResource {
  return {
    id: `task-${name}`,
    jobId: `job-${name}`,
    name,
    slot: 0,
    attempt: 1,
    incarnation: 1,
    current: true,
    nodeName: "n1",
    state: "running",
    containerId: `c-${name}`,
    message: "",
    reason: "",
    ...more,
  } as TaskResource;
}

function container(
  name: string,
  more: Partial<ListedContainer> & { readonly incarnation?: number } = {},
): ListedContainer {
  const { incarnation = 1, ...rest } = more;
  const labels = {
    [LABELS.node]: "node",
    [LABELS.task]: `task-${name}`,
    [LABELS.incarnation]: String(incarnation),
    [LABELS.job]: `job-${name}`,
  };
  return { id: `c-${name}`, name: `cube-${name}-${incarnation}`, state: "running", labels, ...rest };
}

function node(name: string, more: Partial<NodeResource> = {}): NodeResource {
  const runtimes = [{ kind: "docker", problem: "" }];
  return {
    name,
    state: "ready",
    availability: "eligible",
    dialledBy: "manager",
    reason: "",
    runtimes,
    ...more,
  } as NodeResource;
}

/** A service on n1, a batch task that has ended on n2 beside a foreign container, and a job that was stopped: all is well. */
function books(change: (view: { -readonly [K in keyof View]: View[K] }, entries: Entry[]) => void = () => {}): Books {
  const entries = [entry("web"), entry("once", { kind: "batch" }), entry("idle", { told: "stop" })];
  const stranger = { id: FOREIGN.id, name: FOREIGN.name, state: "running", labels: {} };
  const view: View = {
    jobs: [job("web"), job("once"), job("idle", { desired: "stop" })],
    tasks: [
      task("web"),
      task("once", { nodeName: "n2", state: "complete" }),
      task("idle", { nodeName: "n2", state: "stopped" }),
    ],
    engines: [
      { node: "n1", containers: [container("web")] },
      { node: "n2", containers: [container("once", { state: "exited" }), stranger] },
    ],
    nodes: [node("n1"), node("n2")],
    manager: { health: "ok", problem: "" } as ManagerResource,
  };
  const changed = { ...view };
  change(changed, entries);
  return { entries, view: changed, foreigners: [FOREIGN] };
}

const kinds = (found: readonly Contradiction[]) => [...new Set(found.map(({ kind }) => kind))].sort();

/** The engines with something more on one of them. */
function withContainer(view: View, at: string, more: ListedContainer): View["engines"] {
  return view.engines.map((engine) =>
    engine.node === at ? { ...engine, containers: [...(engine.containers ?? []), more] } : engine,
  );
}

test("chaos, books: where all is as it should be, nothing contradicts", () => {
  expect(contradictions(books())).toEqual([]);
});

type Plant = Parameters<typeof books>[0];

test.each<[string, Contradiction["kind"][], Plant]>([
  [
    "a job's record is gone",
    ["lost", "orphan", "story"],
    (view) => {
      view.jobs = view.jobs.filter(({ name }) => name !== "web");
      view.tasks = view.tasks.filter(({ name }) => name !== "web");
      view.nodes = view.nodes.map((each) => ({ ...each, reason: each.name === "n1" ? "refuses this manager" : "" }));
    },
  ],
  [
    "a task's record is gone and its container runs",
    ["lost", "orphan"],
    (view) => {
      view.tasks = view.tasks.filter(({ name }) => name !== "web");
    },
  ],
  [
    "a container is gone and the manager says that it runs",
    ["lost"],
    (view) => {
      view.engines = view.engines.map((engine) => (engine.node === "n1" ? { ...engine, containers: [] } : engine));
    },
  ],
  [
    "a task waits for ever",
    ["lost", "orphan"],
    (view) => {
      view.tasks = view.tasks.map((each) => (each.name === "web" ? { ...each, state: "pending" as const } : each));
    },
  ],
  [
    "a batch task never ended",
    ["lost"],
    (view) => {
      view.tasks = view.tasks.map((each) => (each.name === "once" ? { ...each, state: "accepted" as const } : each));
    },
  ],
  [
    "a submission was never answered",
    ["lost"],
    (_view, entries) => {
      entries.push(entry("silent", { told: "asked", jobId: "" }));
    },
  ],
  [
    "one submission gave two jobs",
    ["twice"],
    (view) => {
      view.jobs = [...view.jobs, job("web", { id: "job-again" })];
    },
  ],
  [
    "a second container with the same labels runs on another node",
    ["orphan", "twice"],
    (view) => {
      view.engines = withContainer(view, "n2", container("web", { id: "copy" }));
    },
  ],
  [
    "an old incarnation lives beside the new one",
    ["orphan", "twice"],
    (view) => {
      view.engines = withContainer(view, "n1", container("web", { id: "old", incarnation: 0 }));
    },
  ],
  [
    "an attempt that was replaced runs still",
    ["orphan"],
    (view) => {
      view.tasks = [...view.tasks, task("old", { jobId: "job-web", current: false, nodeName: "n2" })];
      view.engines = withContainer(view, "n2", container("old"));
    },
  ],
  [
    "a container runs that the manager has ended",
    ["orphan"],
    (view) => {
      view.engines = withContainer(view, "n2", container("idle"));
    },
  ],
  [
    "a dead container is left of a task that nobody knows",
    ["orphan"],
    (view) => {
      view.engines = withContainer(view, "n2", container("unknown", { state: "exited" }));
    },
  ],
  [
    "a foreign container is gone",
    ["foreign"],
    (view) => {
      view.engines = view.engines.map((engine) => ({
        ...engine,
        containers: engine.containers?.filter(({ id }) => id !== "f1") ?? null,
      }));
    },
  ],
  [
    "a foreign container was stopped",
    ["foreign"],
    (view) => {
      view.engines = view.engines.map((engine) => ({
        ...engine,
        containers: engine.containers?.map((each) => (each.id === "f1" ? { ...each, state: "exited" } : each)) ?? null,
      }));
    },
  ],
  [
    "a removed job is still there",
    ["story"],
    (view, entries) => {
      entries.push(entry("old", { told: "remove" }));
      view.jobs = [...view.jobs, job("old", { desired: "remove" })];
    },
  ],
  [
    "a stopped job is wanted to run",
    ["story"],
    (view) => {
      view.jobs = view.jobs.map((each) => (each.name === "idle" ? { ...each, desired: "run" as const } : each));
    },
  ],
  [
    "there is a job that nobody submitted",
    ["story"],
    (view) => {
      view.jobs = [...view.jobs, job("nobody")];
    },
  ],
  [
    "a node has no link",
    ["story"],
    (view) => {
      view.nodes = view.nodes.map((each) => {
        const { dialledBy: _, ...rest } = each;
        return each.name === "n1" ? rest : each;
      });
    },
  ],
  [
    "an engine does not answer",
    ["story"],
    (view) => {
      view.engines = view.engines.map((engine) => (engine.node === "n2" ? { ...engine, containers: null } : engine));
    },
  ],
  [
    "the manager is read-only",
    ["story"],
    (view) => {
      view.manager = { ...view.manager, health: "read-only", problem: "damaged" };
    },
  ],
])("chaos, books: it is noticed that %s", (_what, expected, plant) => {
  expect(kinds(contradictions(books(plant)))).toEqual(expected);
});

test("chaos, books: a job that may not be replaced lives once in each slot at every moment, one that may be is given time", () => {
  const { entries, view } = books();
  const engines = withContainer(view, "n2", {
    ...container("web", { id: "copy" }),
    labels: { ...container("web").labels, [LABELS.task]: "task-2" },
  });
  expect(alwaysFalse(entries, engines, [])).toEqual([]);
  const strict = entries.map((each) => ({ ...each, replace: false }));
  expect(kinds(alwaysFalse(strict, engines, []))).toEqual(["twice"]);
});

test("chaos, books: foreign containers are nobody's, also while a submission has no answer yet", () => {
  const silent = entry("silent", { told: "asked", jobId: "", replace: false });
  const strangers = ["a", "b"].map((id) => ({ id, name: id, state: "running", labels: {} }));
  expect(alwaysFalse([silent], [{ node: "n1", containers: strangers }], [])).toEqual([]);
});
