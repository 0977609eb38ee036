import { expect, test } from "bun:test";
import { taskResource } from "../../src/api/resources.ts";
import { aCluster, aJob, aJobSpec, aSlot, aSpec, aTask, idOf } from "../core/records.ts";

test("api/resources: a task shows its container's name while there is one, and a process has none", () => {
  const ran = { state: "running", incarnation: 3, containerId: "c1" } as const;
  const process = aJobSpec("tick", aSpec({ runtime: "process", image: "", command: ["sleep", "1"] }));
  const tasks = [
    aTask("web", {}, ran),
    aTask("web", {}, { ...ran, containerId: "" }),
    aTask("tick", {}, ran),
    aTask("gone", {}, ran),
  ];
  const cluster = aCluster(aJob("web"), aSlot("web"), aJob("tick", { spec: process }), aSlot("tick"));
  expect(tasks.map((task) => taskResource(cluster, task).containerName)).toEqual([
    `cube-web-${idOf("web").slice(0, 12)}-3`,
    "",
    "",
    "",
  ]);
});
