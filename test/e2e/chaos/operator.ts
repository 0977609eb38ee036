// Damages the manager's store while it is down, on a copy of it that takes its place, and then does what an operator would: reads what the manager says and
// follows it, to --adopt and --accept-loss. What a destroyed or older store cannot know is written off in the book, and only that.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../until.ts";
import { type Contradiction, contradictions } from "./balance.ts";
import type { Entry } from "./book.ts";
import type { Fault } from "./fault.ts";
import type { ChaosCluster } from "./machines.ts";
import { claimOf, look, lookAtEngines } from "./view.ts";
import type { Workload } from "./workload.ts";

/** What the store is made of, in the data directory. */
const STORE = ["store", "store.json", "store.acked"];
const GARBAGE = Buffer.from("garbage bytes!".repeat(20));
/** How long submissions go on that an older copy of the store will not know. */
const AFTER_COPY_MS = 4_000;
/** How long submissions go on before the manager is killed, so that some are under way. */
const BEFORE_FAULT_MS = 1_000;
const STARTS = 4;
const ADVICE_LIMIT_MS = 60_000;
const STAYS_WELL_MS = 2_000;

/** Jobs that ran as they should when the manager was killed, and their containers: those must survive whatever becomes of the store. */
interface Survivors {
  readonly entries: ReadonlySet<Entry>;
  readonly containers: readonly string[];
}

/** What came of it. */
export interface StoreOutcome {
  /** What the manager was started with, start by start. */
  readonly starts: readonly string[];
  /** Jobs that the store had not known, or not known well, and that were written off. */
  readonly writtenOff: number;
  readonly contradictions: readonly Contradiction[];
}

/** One fault of the store, from a cluster at rest to one that takes submissions again. */
export async function damageStore(fault: Fault, cluster: ChaosCluster, workload: Workload): Promise<StoreOutcome> {
  const copy = join(cluster.manager.home, "copy");
  if (fault.kind === "store-rolled-back") await keepCopy(cluster, workload, copy);
  await workload.rest();
  const survivors = await survivorsOf(cluster, workload);
  workload.begin({ mayEnd: false });
  await Bun.sleep(BEFORE_FAULT_MS);
  await cluster.manager.end("SIGKILL");
  const isHarmless = damageCopy(fault, cluster, copy);
  const before = [...workload.book.entries];
  const starts = await followAdvice(cluster);
  await workload.rest();
  const writtenOff = isHarmless ? 0 : await writeOff(cluster, workload, before, survivors);
  return { starts, writtenOff, contradictions: await stillThere(cluster, survivors) };
}

async function keepCopy(cluster: ChaosCluster, workload: Workload, copy: string): Promise<void> {
  await workload.rest();
  await cluster.manager.end("SIGKILL");
  rmSync(copy, { recursive: true, force: true });
  for (const name of STORE) cpSync(join(cluster.manager.dataDir, name), join(copy, name), { recursive: true });
  await cluster.startManager();
  workload.begin({ mayEnd: false });
  await Bun.sleep(AFTER_COPY_MS);
}

async function survivorsOf(cluster: ChaosCluster, workload: Workload): Promise<Survivors> {
  const view = await look(cluster);
  const services = workload.book.known.filter(({ told, kind }) => told === "run" && kind === "service");
  const wrong = contradictions({ entries: services, view, foreigners: [] }).map(({ text }) => text);
  const entries = new Set(services.filter(({ name }) => !wrong.some((text) => isAbout(text, name))));
  const jobs = new Set([...entries].map(({ jobId }) => jobId));
  const containers = view.engines
    .flatMap((engine) => engine.containers ?? [])
    .filter((container) => container.state === "running" && jobs.has(claimOf(container)?.job ?? ""));
  return { entries, containers: containers.map(({ id, name }) => `${name} ${id}`) };
}

function isAbout(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}

/** Damages a copy of the real store, which then takes its place; see `damage`. */
function damageCopy(fault: Fault, { manager: { home, dataDir } }: ChaosCluster, older: string): boolean {
  const copy = join(home, "damaged");
  rmSync(copy, { recursive: true, force: true });
  for (const name of STORE) cpSync(join(dataDir, name), join(copy, name), { recursive: true });
  const isHarmless = damage(fault, copy, older);
  for (const name of STORE) {
    rmSync(join(dataDir, name), { recursive: true, force: true });
    if (existsSync(join(copy, name))) cpSync(join(copy, name), join(dataDir, name), { recursive: true });
  }
  return isHarmless;
}

/** True where the store can be repaired without a loss. */
function damage({ kind, force }: Fault, dataDir: string, copy: string): boolean {
  const file = (pattern: RegExp): string => {
    const names = readdirSync(join(dataDir, "store")).filter((name) => pattern.test(name));
    return join(dataDir, "store", names.sort().at(-1) ?? "");
  };
  switch (kind) {
    case "store-corrupted": {
      if (force < 0.25) rmSync(join(dataDir, "store/CURRENT"));
      else if (force < 0.5) spoil(file(/^MANIFEST/), 0.1);
      else spoil(file(/\.log$/), force);
      return force < 0.5;
    }
    case "store-truncated": {
      const log = file(/\.log$/);
      truncateSync(log, Math.floor(readFileSync(log).length * force));
      return false;
    }
    default:
      for (const name of STORE) rmSync(join(dataDir, name), { recursive: true, force: true });
      if (kind === "store-rolled-back") cpSync(copy, dataDir, { recursive: true });
      return false;
  }
}

function spoil(file: string, where: number): void {
  const content = readFileSync(file);
  GARBAGE.copy(content, Math.floor(content.length * where));
  writeFileSync(file, content);
}

/** Starts the manager, again with what it asks for, until it is well and all nodes follow it. */
async function followAdvice(cluster: ChaosCluster): Promise<string[]> {
  const starts: string[] = [];
  let flags: readonly string[] = [];
  for (let tries = 0; tries < STARTS; tries++) {
    starts.push(flags.join(" ") || "as ever");
    await cluster.startManager(...flags);
    const advice = await lastingAdviceOf(cluster, `the manager is well, or says what to do (after ${starts})`);
    if (advice === "well") return starts;
    flags = advice;
    await cluster.manager.end("SIGTERM");
  }
  throw new Error(`the manager went on asking for more: ${starts.join(", then ")}\n${cluster.logs()}`);
}

/** That all is well counts only when it stays so: a node that links refuses a moment later. */
async function lastingAdviceOf(cluster: ChaosCluster, what: string): Promise<"well" | readonly string[]> {
  let wellSinceMs = Number.POSITIVE_INFINITY;
  const ask = async () => {
    const advice = await adviceOf(cluster);
    if (advice !== "well") wellSinceMs = Number.POSITIVE_INFINITY;
    else wellSinceMs = Math.min(wellSinceMs, performance.now());
    return advice === "well" && performance.now() < wellSinceMs + STAYS_WELL_MS ? undefined : advice;
  };
  return until(what, ask, { limitMs: ADVICE_LIMIT_MS, onFailure: () => cluster.logs() });
}

async function adviceOf(cluster: ChaosCluster): Promise<"well" | readonly string[] | undefined> {
  const [manager, nodes] = [await cluster.manager.manager(), await cluster.manager.nodes()];
  if (manager.health !== "ok") {
    return manager.problem.includes("--accept-loss") ? ["--accept-loss", "--adopt"] : undefined;
  }
  const said = [manager.caution ?? "", ...nodes.map(({ reason }) => reason)].join(" ");
  if (/--adopt|refuses this manager/.test(said)) return ["--adopt"];
  const follow = nodes.filter(({ state, dialledBy, reason }) => state === "ready" && dialledBy && reason === "");
  return follow.length === cluster.nodes.length ? "well" : undefined;
}

/** What was not running as it should when the manager was killed, and is not known now, or not as it was: it is given up. What was removed stays so. */
async function writeOff(
  cluster: ChaosCluster,
  workload: Workload,
  before: readonly Entry[],
  { entries: survivors }: Survivors,
): Promise<number> {
  const present = new Set((await look(cluster)).jobs.map(({ id }) => id));
  let writtenOff = 0;
  for (const entry of before) {
    entry.keyIsKnown = false;
    if (survivors.has(entry) || entry.told === "gone") continue;
    const isPresent = present.has(entry.jobId);
    if (entry.told === "remove" && !isPresent) continue;
    writtenOff++;
    entry.told = isPresent ? "remove" : "gone";
    if (isPresent) await workload.tellAgain(entry);
  }
  return writtenOff;
}

/** A manager that forgot kills nothing: the very containers that ran before run still. */
async function stillThere(cluster: ChaosCluster, { containers }: Survivors): Promise<Contradiction[]> {
  const engines = await lookAtEngines(cluster);
  const running = new Set(
    engines.flatMap((engine) =>
      (engine.containers ?? []).filter(({ state }) => state === "running").map(({ id, name }) => `${name} ${id}`),
    ),
  );
  return containers
    .filter((container) => !running.has(container))
    .map((container) => ({ kind: "lost", text: `${container} ran when the store was damaged, and was ended since` }));
}
