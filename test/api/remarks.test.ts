import { expect, test } from "bun:test";
import { createLocalClient } from "../../src/api/local-client.ts";
import { managerResource } from "../../src/api/resources.ts";
import { remarks } from "../../src/client/remarks.ts";
import { healthSchema, managerSchema } from "../../src/client/resource-schemas.ts";
import { INFO, Items } from "../contract/cluster-client-behind.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { ask, serve } from "./served.ts";

test("api/manager: a repaired store and a worker that cannot do its work are told, and nothing else is", () => {
  const status = new FakeManager().status();
  const well = managerResource({ ...INFO, workerProblem: () => "" }, status);
  const ill = managerResource({ ...INFO, workerProblem: () => "journal: no space" }, { ...status, notice: "repaired" });
  expect([remarks(managerSchema.parse(well)), remarks(managerSchema.parse(ill))]).toEqual([
    [],
    ["repaired", "journal: no space"],
  ]);
});

test("api/manager: whoever watches hears of a worker's problem when it comes and when it goes", async () => {
  let problem = "";
  const info = { ...INFO, workerProblem: () => problem };
  const parts = { access: new FakeManager(), streams: new FakeStreams(), info, actor: "ui:me", onShutdown: () => {} };
  const client = createLocalClient(parts);
  const items = new Items();
  using _watch = client.watch(items.push);
  await items.next("snapshot");
  problem = "journal: no space";
  const come = await items.next("manager");
  problem = "";
  const gone = await items.next("manager");
  expect([come.manager.workerProblem, gone.manager.workerProblem]).toEqual(["journal: no space", undefined]);
  await client.close();
});

test("api/health: a worker's problem is told, and the manager is well nevertheless", async () => {
  const served = await serve({ info: { ...INFO, workerProblem: () => "journal: no space" } });
  const answer = await ask(served, "/v1/health");
  expect([answer.status, healthSchema.parse(await answer.json())]).toEqual([
    200,
    { health: "ok", problem: "", workerProblem: "journal: no space", revision: 0 },
  ]);
  await served.end();
});
