/** Invariants of what runs on the nodes, whatever anybody believes: S3, S4, S14. */
import type { Checker } from "../checker.ts";
import type { Container } from "../trace.ts";

/** S3: at most one live container per task incarnation, in the whole cluster. */
export const oneContainerPerIncarnation: Checker = {
  id: "S3",
  rule: "an incarnation of a task lives at most once in the cluster",
  begin: (_sim, violate) => {
    const live = new Map<string, Container>();
    return {
      onEvent: (event) => {
        if (event.kind === "died") live.delete(keyOf(event.container));
        if (event.kind !== "started") return;
        const other = live.get(keyOf(event.container));
        if (other !== undefined)
          violate(`${keyOf(other)} lives on ${other.node}`, `and is started on ${event.container.node}`);
        live.set(keyOf(event.container), event.container);
      },
    };
  },
};

/** S4: the next incarnation of a task starts on a node only after the one before it is dead there. */
export const oneIncarnationPerNode: Checker = {
  id: "S4",
  rule: "a node starts the next incarnation of a task only after the one before is dead or gone",
  begin: (_sim, violate) => {
    const live = new Map<string, Container>();
    const key = (one: Container): string => `${one.node}/${one.taskId}`;
    return {
      onEvent: (event) => {
        if (event.kind === "died" && live.get(key(event.container)) === event.container)
          live.delete(key(event.container));
        if (event.kind !== "started" || event.container.isForeign) return;
        const { container } = event;
        const other = live.get(key(container));
        if (other !== undefined && other !== container)
          violate(`${container.node} runs ${keyOf(other)}`, `and starts ${keyOf(container)}`);
        live.set(key(container), container);
      },
    };
  },
};

/** S14: nobody touches what is not this cluster's. */
export const foreignersUntouched: Checker = {
  id: "S14",
  rule: "containers that are not this cluster's are never stopped or removed",
  begin: (_sim, violate) => ({
    onEvent: (event) => {
      const touched = event.kind === "signalled" || (event.kind === "removed" && event.by === "worker");
      if (touched && event.container.isForeign)
        violate(`${event.container.node} touches ${event.container.instanceId}`, event.kind);
    },
  }),
};

function keyOf({ taskId, incarnation }: Container): string {
  return `${taskId}.${incarnation}`;
}
