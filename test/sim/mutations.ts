// Bugs to plant: each alters one condition in a machine, and names the invariant whose checker has to find it with random seeds. A checker that finds nothing
// proves nothing, so each one has at least one bug here.
import type { FaultKind } from "../../src/sim/faults.ts";

/** A bug that is made by altering one condition. */
export interface Mutation {
  readonly name: string;
  /** Of a machine: under src/core, src/manager, src/worker or src/protocol. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Id of the invariant that it violates. */
  readonly by: string;
  /** Kinds of faults that are drawn, where most of them only take time; all of them when left out. */
  readonly kinds?: readonly FaultKind[];
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "an isolated manager says yes and writes nothing",
    file: "src/manager/machine.ts",
    find: "if (planned.ok) this.#record(planned.drafts);",
    replace: "if (planned.ok && !this.#presence.isolated) this.#record(planned.drafts);",
    by: "S1",
    kinds: ["cut", "split", "swizzle"],
  },
  {
    name: "a request's key is not kept with its job",
    file: "src/core/submit.ts",
    find: 'if (request.idempotencyKey !== "") drafts.push',
    replace: 'if (request.idempotencyKey === "") drafts.push',
    by: "S2",
    kinds: ["crash"],
  },
  {
    name: "orders for a node without a link go to another one",
    file: "src/manager/sessions.ts",
    find: "const session = nodeId ? this.#byNode.get(nodeId) : undefined;",
    replace: 'const session = this.#byNode.get(nodeId ?? "") ?? this.#byNode.values().next().value;',
    by: "S3",
    kinds: ["cut", "split", "flap", "hand"],
  },
  {
    name: "a stop that fails counts as done",
    file: "src/worker/outcomes.ts",
    find: 'if (failure.kind === "not_found") run.instances.delete(of.incarnation);\n      else retryLater(run, "stop"',
    replace: 'if (failure.kind !== "invalid") run.instances.delete(of.incarnation);\n      else retryLater(run, "stop"',
    by: "S4",
    kinds: ["engine-error"],
  },
  {
    name: "a stop that was confirmed once is not tried again",
    file: "src/worker/next-step.ts",
    find: "if (running !== undefined) return",
    replace: "if (running !== undefined && run.stopTries === 0) return",
    by: "S5",
    kinds: ["zombies"],
  },
  {
    name: "a task that is to stay with its node is lost after a while",
    file: "src/core/absence.ts",
    find: "isTerminal(task.fact.state) || staysWithNode(spec)) continue;",
    replace:
      "isTerminal(task.fact.state) || (staysWithNode(spec) && absence.outForMs < spec.disconnect.lostAfterMs)) continue;",
    by: "S6",
    kinds: ["gone", "cut", "split"],
  },
  {
    name: "what ends when it is alone is replaced as if it ended at once",
    file: "src/core/handover.ts",
    find: "NOTICE_MS + disconnect.stopAfterMs + stopGraceMs",
    replace: "NOTICE_MS + stopGraceMs",
    by: "S6",
    kinds: ["gone", "cut", "split"],
  },
  {
    name: "who is left alone never ends what must not be alone",
    file: "src/worker/alone.ts",
    find: "atMs > turn.time.monoMs) continue;",
    replace: "atMs <= turn.time.monoMs) continue;",
    by: "S6",
    kinds: ["gone", "cut", "split"],
  },
  {
    name: "a port on all addresses clashes with none",
    file: "src/core/schedule-ports.ts",
    find: 'return address === "" || taken.includes(address) || taken.includes("");',
    replace: 'return address !== "" && (taken.includes(address) || taken.includes(""));',
    by: "S7",
    kinds: ["crash"],
  },
  {
    name: "an attempt that is removed stays in the figures of its job",
    file: "src/core/cluster.ts",
    find: "if (slot?.taskId === taskId) count(state, slot, -1);",
    replace: "if (slot?.attempt === 0) count(state, slot, -1);",
    by: "S8",
    kinds: ["crash"],
  },
  {
    name: "what was stopped keeps its room until its record is gone",
    file: "src/manager/derived.ts",
    find: "else this.#release(task.id);",
    replace: 'else if (task.fact.state !== "stopped") this.#release(task.id);',
    by: "S8",
    kinds: ["crash"],
  },
  {
    name: "a wait that is over leaves no trace with a slot that is put anew",
    file: "src/manager/derived.ts",
    find: "this.#waited.delete(key);\n    if (slot.waitMs <= 0) {",
    replace: "if (slot.waitMs <= 0) {",
    by: "S8",
    kinds: ["crash"],
  },
  {
    name: "what has ended may rise again",
    file: "src/core/task.ts",
    find: "if (isTerminal(current.state)) return false;",
    replace: "if (isTerminal(current.state) && isTerminal(next.state)) return false;",
    by: "S9",
    kinds: ["cut", "split"],
  },
  {
    name: "what a worker has stopped by itself is to run again when its manager is back",
    file: "src/worker/assignments.ts",
    find: "return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;",
    replace: "return ORDER.indexOf(a) <= ORDER.indexOf(b) ? a : b;",
    by: "S10",
    kinds: ["cut", "flap", "crash"],
  },
  {
    name: "a node that has just gone out is replaced at once",
    file: "src/core/absence.ts",
    find: 'return outForMs >= patience(spec).replaceAfterMs && task.desired === "run"',
    replace: 'return outForMs >= 0 && task.desired === "run"',
    by: "S11",
    kinds: ["cut", "split", "gone"],
  },
  {
    name: "a budget is spent when it is used up twice",
    file: "src/core/restart.ts",
    find: "const spent = inWindow.length >= budget;",
    replace: "const spent = inWindow.length >= budget * 2;",
    by: "S12",
    kinds: ["crash"],
  },
  {
    name: "a change of the set is taken for a whole one",
    file: "src/worker/assignments.ts",
    find: "const unwanted = set.base === 0 ?",
    replace: "const unwanted = set.base >= 0 ?",
    by: "S13",
    kinds: ["crash"],
  },
  {
    name: "what has ended while its worker was away is started once more",
    file: "src/worker/next-step.ts",
    find: 'if (current.status === "created") return createdStep(run, current, now.durable);',
    replace: 'if (current.status !== "running") return createdStep(run, current, now.durable);',
    by: "S15",
    kinds: ["power"],
  },
  {
    name: "what is to be removed gets no time to end",
    file: "src/worker/drive.ts",
    find: "const graceMs = spec?.stopGraceMs ?? DEFAULT_GRACE_MS;",
    replace: 'const graceMs = run.desired === "remove" ? 0 : (spec?.stopGraceMs ?? DEFAULT_GRACE_MS);',
    by: "S18",
    kinds: ["crash"],
  },
  {
    name: "a second manager of the same term is followed",
    file: "src/protocol/fence.ts",
    find: "const isNotAbove = manager.term <= remembered.term &&",
    replace: "const isNotAbove = manager.term < remembered.term &&",
    by: "S19",
    kinds: ["second-manager", "crash"],
  },
  {
    name: "a change without words has no revision of its own",
    file: "src/manager/machine.ts",
    find: "this.#revision++;",
    replace: 'if (draft.text !== "") this.#revision++;',
    by: "S20",
    kinds: ["crash"],
  },
  {
    name: "an attempt beside nodes to avoid is counted twice",
    file: "src/core/reconcile.ts",
    find: "const attempt = slot.attempt + 1;",
    replace: "const attempt = slot.attempt + (slot.avoid.length > 0 ? 2 : 1);",
    by: "S21",
    kinds: ["crash"],
  },
  {
    name: "first attempts that are removed stay in memory",
    file: "src/core/cluster.ts",
    find: "if (!task) return;\n  const slot",
    replace: "if (!task || task.attempt === 1) return;\n  const slot",
    by: "S23",
    kinds: ["crash", "store-rollback"],
  },
  {
    name: "a slot avoids one node too many",
    file: "src/core/reschedule.ts",
    find: ".slice(-AVOIDED_NODES)",
    replace: ".slice(-AVOIDED_NODES - 1)",
    by: "S24",
    kinds: ["crash"],
  },
  {
    name: "one message more of a link may wait than may",
    file: "src/manager/inbox.ts",
    find: "(this.#ofLink.get(linkId) ?? 0) < this.#most",
    replace: "(this.#ofLink.get(linkId) ?? 0) <= this.#most",
    by: "S24",
    kinds: ["disk", "stalls"],
  },
  {
    name: "whatever is no heartbeat is sent although nothing gets through",
    file: "src/protocol/session.ts",
    find: "if (event.waitingBytes <= MAX_OUTBOX_BYTES) {",
    replace: 'if (event.waitingBytes <= MAX_OUTBOX_BYTES || event.what === "other") {',
    by: "S24",
    kinds: ["bad-network"],
  },
  {
    name: "nodes are laid out in the order in which they came to be known",
    file: "src/core/node-table.ts",
    find: "sort((a, b) => compareJoining(a.view, b.view))",
    replace: "sort((a, b) => (a.gone === b.gone ? 0 : compareJoining(a.view, b.view)))",
    by: "S25",
    kinds: ["crash"],
  },
  {
    name: "of what is removed the record waits for a container that is not there",
    file: "src/core/ingest.ts",
    find: "else if (mayBeLeft(task)) {",
    replace: "else if (!mayBeLeft(task)) {",
    by: "L1",
    kinds: ["crash"],
  },
  {
    name: "a manager that was started again and had changed nothing before is refused",
    file: "src/protocol/fence.ts",
    find: "next.revision >= revision",
    replace: "next.revision > revision",
    by: "L1",
    kinds: ["crash"],
  },
  {
    name: "what runs once is not started any more once its engine was away",
    file: "src/worker/next-step.ts",
    find: 'return durable ? { kind: "start", instance: current } : WAIT;',
    replace: 'return durable && run.retries.size === 0 ? { kind: "start", instance: current } : WAIT;',
    by: "L1",
    kinds: ["engine-error", "engine-restart"],
  },
  {
    name: "the end of the last wait of all is not seen",
    file: "src/manager/derived.ts",
    find: "this.#waited.add(key);\n      this.dirty.mark(key);",
    replace: "this.#waited.add(key);\n      if (this.#waits.size > 0) this.dirty.mark(key);",
    by: "L1",
    kinds: ["crash"],
  },
  {
    name: "a node that is known is taken for a clone of itself",
    file: "src/protocol/session.ts",
    find: "machineId !== open.machineId",
    replace: "machineId === open.machineId",
    by: "L2",
    kinds: ["crash"],
  },
  {
    name: "a stop that was confirmed is taken for done",
    file: "src/worker/next-step.ts",
    find: "if (running !== undefined) return",
    replace: "if (running !== undefined && run.stopTries === 0) return",
    by: "L3",
    kinds: ["zombies"],
  },
  {
    name: "who waits is only looked at when somebody new comes",
    file: "src/manager/schedule-stage.ts",
    find: "if (derived.capacityChanged) derived",
    replace: "if (derived.capacityChanged && derived.pending.hasWork) derived",
    by: "L5",
    kinds: ["split", "cut", "pause"],
  },
  {
    name: "heartbeats with figures are no sign of life",
    file: "src/manager/machine.ts",
    find: "this.#presence.seen(nodeId, time.monoMs);\n    this.#observations",
    replace: "if (beat.metrics === null) this.#presence.seen(nodeId, time.monoMs);\n    this.#observations",
    by: "L6",
    kinds: ["crash"],
  },
];

/** Checkers for which no condition in a machine can be altered, and why. */
export const NO_BUG_FOR: readonly { readonly id: string; readonly why: string }[] = [
  {
    id: "S14",
    why: "runtimes list what bears this node's label and nothing else, so that no machine has ever heard of a foreign container",
  },
];
