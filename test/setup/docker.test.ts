import { expect, test } from "bun:test";
import { dockerSwitchedOff } from "./docker.ts";

test("docker: a user can switch its tests off, a CI run cannot", () => {
  const answers = [{}, { CUBE_TEST_NO_DOCKER: "1" }, { CUBE_TEST_NO_DOCKER: "1", CI: "true" }].map(dockerSwitchedOff);
  expect(answers).toEqual([false, true, false]);
});
