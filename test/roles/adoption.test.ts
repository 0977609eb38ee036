// A manager whose data were emptied, and a worker elsewhere that joined it long ago: with real processes and a real link on loopback.
import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NodeResource, TaskResource } from "../../src/client/resources.ts";
import { freePort, until } from "../e2e/until.ts";
import { Machine } from "./processes.ts";

const LIMIT_MS = 180_000;
const SCRIPT = "while true; do sleep 0.2; done";

async function asked<T>(machine: Machine, ...args: string[]): Promise<T> {
  const { out, err } = await machine.run(...args, "--json", "--data-dir", machine.dataOf("manager"));
  if (out === "") throw new Error(err);
  return JSON.parse(out) as T;
}

/** The newest attempt of the one task. */
async function taskOf(machine: Machine): Promise<TaskResource | undefined> {
  const [line] = await asked<TaskResource[]>(machine, "status");
  return line;
}

test(
  "roles: with --adopt a worker that joined an emptied manager is taken back without a join token, with what it runs",
  async () => {
    await using machine = new Machine();
    const [api, port] = [freePort(), freePort()];
    const data = ["--data-dir", machine.dataOf("manager")];
    const startManager = (...more: string[]) =>
      machine.start("manager", "manager", "-p", `${api}`, "-w", `127.0.0.1:${port}`, ...more);
    const answers = () => until("the manager answers", () => asked<NodeResource[]>(machine, "node").then(() => true));
    startManager();
    await answers();
    const token = join(machine.home, "old-token");
    cpSync(join(machine.home, ".config", "cube", "join-token"), token);
    const own = ["--runtime", "process", "--join-token-file", token];
    machine.start("w1", "worker", "-H", "127.0.0.1", "-p", `${port}`, "-n", "w1", ...own);
    const started = await until("it runs on w1", async () => {
      await machine.run("run", "--name", "box", "--runtime", "process", ...data, "--", "sh", "-c", SCRIPT);
      const task = await taskOf(machine);
      return task?.state === "running" && task;
    });

    await machine.end("manager");
    for (const name of ["store", "store.json", "store.acked", "join-secret"])
      rmSync(join(machine.dataOf("manager"), name), { recursive: true, force: true });
    startManager();
    await answers();
    const problem = await until("it is not let in", async () => {
      const { err } = await machine.run("node", ...data);
      return err.includes("--adopt") && err;
    });
    expect(problem).toContain("does not know this node any more");
    await machine.end("manager");

    const adopting = startManager("--adopt");
    await answers();
    const again = await until("it is known again", () => taskOf(machine));
    const { id, state, incarnation, nodeName } = started;
    expect(again).toMatchObject({ id, state, incarnation, nodeName });
    expect(await asked<NodeResource[]>(machine, "node")).toMatchObject([{ name: "w1", state: "ready" }]);
    await machine.run("rm", "box", ...data);
    await until("it is gone", async () => (await taskOf(machine)) === undefined);
    await machine.end("manager");
    const said = await new Response(adopting.stderr).text();
    expect(said).toContain("node w1 is taken back: the store did not know it");
    expect(said).toContain("adopted from 1 node: 1 job and 1 task that the store did not know");
  },
  LIMIT_MS,
);
