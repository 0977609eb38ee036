/** The worker's machine: a task from its assignment to its removal. */
import { expect, test } from "bun:test";
import { assignment, Driver } from "./driver.ts";

test("worker: a task goes from its assignment to running and back to nothing", () => {
  const driver = new Driver().begin().welcome().assign(assignment("t1"));
  expect(driver.at("t1")).toBe("1:running");
  expect(driver.reported("t1")).toEqual(["1:pulling", "1:starting", "1:running"]);
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  expect(driver.at("t1")).toBe("1:stopped");
  expect(driver.engine.of("t1")).toEqual(["1:exited"]);
  driver.assign(assignment("t1", {}, { desired: "remove" }));
  expect(driver.machine.tasks()).toEqual([]);
  expect(driver.engine.of("t1")).toEqual([]);
  expect(driver.reports().at(-1)?.removed).toEqual(["t1"]);
});
