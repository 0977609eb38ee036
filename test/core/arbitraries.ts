// Arbitrary records for the property tests of the core: small and crowded, so that things collide often.
import fc from "fast-check";
import type { JobSpec, Resources, RestartCondition, RestartPolicy, TaskSpec } from "../../src/core/spec.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import {
  DESIRED_STATES,
  type DesiredState,
  type FactPosition,
  TASK_STATES,
  type TaskFact,
  type TaskState,
  unseen,
} from "../../src/core/task.ts";
import { aSpec } from "./records.ts";

const GIB = 2 ** 30;

/** Any figures that a node of 4 cores, 8 GiB and 100 GiB can hold a few times over; zeros are assumed figures. */
const resources: fc.Arbitrary<Resources> = fc.record({
  cpuMillis: fc.constantFrom(0, 500, 1_500, 3_000),
  memoryBytes: fc.constantFrom(0, GIB, 3 * GIB),
  diskBytes: fc.constantFrom(0, 0, 40 * GIB),
});

/** Any host port of two, on any address or one. */
const portMapping = fc.record({
  containerPort: fc.constant(80),
  hostPort: fc.constantFrom(0, 80, 81),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  hostIp: fc.constantFrom("", "0.0.0.0", "127.0.0.1", "10.0.0.1"),
});

/** What a task asks for, in all that matters to reconciliation and placement. */
export const taskSpec: fc.Arbitrary<TaskSpec> = fc
  .record({
    condition: fc.constantFrom<RestartCondition>("no", "on-failure", "always", "always"),
    resources,
    ports: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(portMapping, { maxLength: 2 })),
    replace: fc.constantFrom(true, true, false),
    reconcile: fc.constantFrom("keep_original" as const, "keep_replacement" as const),
  })
  .map(({ condition, replace, reconcile, ...rest }) =>
    aSpec({ ...rest, disconnect: { ...DEFAULT_DISCONNECT, replace, reconcile } }, condition),
  );

/** A job of one or two services of up to three tasks. */
export const jobSpec: fc.Arbitrary<JobSpec> = fc
  .array(fc.record({ count: fc.integer({ min: 0, max: 3 }), task: taskSpec }), { minLength: 1, maxLength: 2 })
  .map((services) => ({
    name: "job",
    services: services.map((service, i) => ({ name: `s${i}`, ...service })),
    labels: {},
  }));

/** Any restart policy that a user may write. */
export const restartPolicy: fc.Arbitrary<RestartPolicy> = fc.record({
  condition: fc.constantFrom<RestartCondition>("no", "on-failure", "always", "unless-stopped"),
  attempts: fc.integer({ min: 0, max: 12 }),
  windowMs: fc.integer({ min: 0, max: 1_000_000 }),
  delayMs: fc.integer({ min: 0, max: 100_000 }),
  maxDelayMs: fc.integer({ min: 0, max: 600_000 }),
});

/** Any observed state. */
export const taskState: fc.Arbitrary<TaskState> = fc.constantFrom(...TASK_STATES);

/** Any desired state. */
export const desiredState: fc.Arbitrary<DesiredState> = fc.constantFrom(...DESIRED_STATES);

/** Any place in the order of facts. */
export const factPosition: fc.Arbitrary<FactPosition> = fc.record({
  incarnation: fc.integer({ min: 0, max: 3 }),
  state: taskState,
});

/** Whatever a worker may say of that task, possible or not. */
export function factOf(taskId: string): fc.Arbitrary<TaskFact> {
  return fc
    .record({
      position: factPosition,
      containerId: fc.constantFrom("", "box"),
      health: fc.constantFrom("unknown" as const, "healthy" as const, "unhealthy" as const),
      message: fc.constantFrom("", "said so"),
    })
    .map(({ position, ...rest }) => ({ ...unseen(taskId), ...position, ...rest }));
}

/** An index into whatever there is: `pick(list, index)` takes it round and round. */
export const index: fc.Arbitrary<number> = fc.nat({ max: 30 });

/** The element that an `index` stands for; undefined when there is none at all. */
export function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(1, list.length)];
}
