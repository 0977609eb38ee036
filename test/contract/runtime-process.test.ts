/** The Runtime contract on plain processes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProcessRuntime } from "../../src/runtime/process.ts";
import { TEST_IMAGE } from "../setup/docker.ts";
import { PLAIN, runtimeContract } from "./runtime.ts";

const directory = mkdtempSync(join(tmpdir(), "cube-process-"));

runtimeContract({
  name: "process",
  spec: (script) => ({ ...PLAIN, runtime: "process", command: ["sh", "-c", script] }),
  impossible: { ...PLAIN, runtime: "process", image: TEST_IMAGE, command: ["true"] },
  open: (nodeId) => createProcessRuntime({ directory, nodeId }),
  dispose: async () => rmSync(directory, { recursive: true, force: true }),
});
