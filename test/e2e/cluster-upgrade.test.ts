// An upgrade as a user does it: the executable's file is replaced by another build, and one role after the other is started again, in either order. No task
// notices. The other build is the same program that calls itself by another version. The tests share one cluster and run in order.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { cubeBin } from "../setup/cube-bin.ts";
import { dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { RealCluster } from "./real-cluster.ts";

const LIMIT_MS = 90_000;
const NAMES = ["n1", "n2", "n3"] as const;
/** As long as this one's, so that nothing in the file moves. */
const OTHER_VERSION = `${version.slice(0, -1)}${version.endsWith("9") ? "8" : "9"}`;

let cluster: RealCluster;
/** Where the executable of all roles lies. */
let folder: string;

/** Puts a build into the place of the executable: those that run keep the file that they were started from. */
function replaceExecutable(bytes: Uint8Array): void {
  const beside = join(folder, "cube.new");
  writeFileSync(beside, bytes);
  chmodSync(beside, 0o755);
  renameSync(beside, join(folder, "cube"));
}

/** This build under another version: every mention of its own is replaced. */
function otherBuild(): Uint8Array {
  const bytes = readFileSync(cubeBin());
  for (let at = bytes.indexOf(version); at >= 0; at = bytes.indexOf(version, at + 1)) bytes.write(OTHER_VERSION, at);
  return bytes;
}

/** All that must not change: who runs where, since when, and how often each was started. */
async function standing(): Promise<string[]> {
  const tasks = await cluster.manager.tasks();
  const lines = tasks.map(({ name, id, nodeName, state, incarnation, restarts, containerId }) =>
    [name, id, nodeName, state, incarnation, restarts, containerId].join(" "),
  );
  return [...lines.sort(), ...(await cluster.everything())];
}

/** What the manager and its nodes say that they are, once all are linked. */
async function versions(): Promise<string[]> {
  await cluster.ready();
  const nodes = (await cluster.manager.nodes()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return [(await cluster.manager.manager()).version, ...nodes.map((node) => node.version)];
}

/** A new task runs on each node and is gone again: manager and workers understand each other. */
async function allWork(): Promise<void> {
  for (const name of NAMES) {
    await cluster.placeOn(name, { name: `passing${name}` });
    expect(await cluster.manager.ok("exec", `passing${name}`, "--", "echo", "understood")).toBe("understood");
    await cluster.remove(`passing${name}`);
  }
}

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

describe.skipIf(dockerSwitchedOff() || mayNotMakeNamespaces)("e2e: an upgrade", () => {
  beforeAll(async () => {
    await requireDocker();
    folder = mkdtempSync(join(tmpdir(), "cube-upgrade-"));
    replaceExecutable(readFileSync(cubeBin()));
    cluster = await RealCluster.start({ bin: join(folder, "cube") });
    for (const name of NAMES) await cluster.placeOn(name, { name: `on${name}`, count: 2 });
  }, LIMIT_MS);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }, LIMIT_MS);

  test(
    "e2e: an upgrade of the workers one by one, then of the manager, restarts no task",
    async () => {
      const before = await standing();
      replaceExecutable(otherBuild());
      expect(await versions()).toEqual([version, version, version, version]);
      const said: string[][] = [];
      for (const name of NAMES) {
        await cluster.node(name).kill("SIGTERM");
        cluster.node(name).start();
        await cluster.nodesAre(`${name} is upgraded`, (nodes) =>
          nodes.some((node) => node.name === name && node.version === OTHER_VERSION),
        );
        said.push(await versions());
        expect(await standing()).toEqual(before);
      }
      expect(said.map((each) => each.filter((one) => one === OTHER_VERSION).length)).toEqual([1, 2, 3]);
      await allWork();
      await cluster.manager.end();
      await cluster.manager.start();
      expect(await versions()).toEqual([OTHER_VERSION, OTHER_VERSION, OTHER_VERSION, OTHER_VERSION]);
      expect(await standing()).toEqual(before);
      await allWork();
    },
    LIMIT_MS,
  );

  test(
    "e2e: back to the earlier build, the manager first and with kill -9, restarts no task either",
    async () => {
      const before = await standing();
      replaceExecutable(readFileSync(cubeBin()));
      await cluster.manager.end("SIGKILL");
      await cluster.manager.start();
      expect(await versions()).toEqual([version, OTHER_VERSION, OTHER_VERSION, OTHER_VERSION]);
      expect(await standing()).toEqual(before);
      await allWork();
      for (const node of cluster.nodes) await node.kill();
      expect(await cluster.everything()).toEqual(before.slice(-NAMES.length * 2));
      for (const node of cluster.nodes) node.start();
      await cluster.nodesAre("all are back", (nodes) => nodes.every((node) => node.version === version));
      expect(await versions()).toEqual([version, version, version, version]);
      expect(await standing()).toEqual(before);
      await allWork();
    },
    LIMIT_MS,
  );
});
