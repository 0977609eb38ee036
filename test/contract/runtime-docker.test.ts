/** The Runtime contract on the real engine. */
import { describe } from "bun:test";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import { STRICT_POLICY } from "../runtime/strict-policy.ts";
import { dockerSwitchedOff, requireDocker, TEST_IMAGE } from "../setup/docker.ts";
import { PLAIN, runtimeContract } from "./runtime.ts";

describe.skipIf(dockerSwitchedOff())("docker", () => {
  runtimeContract({
    name: "docker",
    spec: (script) => ({
      ...PLAIN,
      image: TEST_IMAGE,
      command: ["sh", "-c", script],
      privileges: { ...PLAIN.privileges, network: "none" },
    }),
    impossible: { ...PLAIN, image: "not an image" },
    open: (nodeId) => createDockerRuntime({ nodeId, clusterId: () => "contract", policy: STRICT_POLICY }),
    prepare: requireDocker,
    dispose: async () => {},
  });
});
