import { expect, test } from "bun:test";
import { containerName } from "../../src/core/container-name.ts";

test("core/container-name: a container's name is readable, unique for an incarnation and fit for an engine", () => {
  const of = { taskId: "0123456789abcdef", incarnation: 7, name: "my web/1: ü" };
  expect(containerName(of)).toBe("cube-my-web-1--0123456789ab-7");
  expect(containerName({ ...of, name: "" })).toBe("cube-task-0123456789ab-7");
});
