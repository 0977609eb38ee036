/** Requests for tasks, as a worker's host makes them: what several test files of the runtimes need. */
import { DEFAULT_TASK, type TaskSpec } from "../../src/core/spec.ts";
import type { CreateRequest } from "../../src/worker/effects.ts";

/** A task of the test image with defaults, changed by `part`. */
export function taskSpec(part: Partial<TaskSpec> = {}): TaskSpec {
  return { ...DEFAULT_TASK, image: "cube-test/busybox:1", command: ["sleep", "600"], pull: "never", ...part };
}

/** A request to create it, with an identity of its own. */
export function createRequest(spec: TaskSpec, part: Partial<CreateRequest> = {}): CreateRequest {
  const taskId = crypto.randomUUID().replaceAll("-", "");
  return {
    taskId,
    incarnation: 1,
    jobId: "job",
    name: "web",
    service: "main",
    slot: 0,
    spec,
    specHash: "hash",
    ...part,
  };
}
