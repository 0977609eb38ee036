/** What people have to know while this manager does not act as they expect: nothing is replaced, or nodes do not follow it. Pure. */
import { staysWithNode } from "../core/absence.ts";
import { ALONE, ISOLATED, SETTLING } from "../core/caution.ts";
import { type Cluster, specOf } from "../core/cluster.ts";
import { refusalCaution } from "../core/refusal.ts";
import { isTerminal } from "../core/task.ts";
import type { Presence } from "./presence.ts";

/** In words, the gravest only; "" when there is nothing to say. `monoMs` is the monotonic time in ms. */
export function cautionOf(cluster: Cluster, presence: Presence, monoMs: number): string {
  if (presence.isolated) return ISOLATED;
  if (isAlone(cluster, presence)) return ALONE;
  const refusal = refusalCaution(cluster, presence.refusers());
  if (refusal !== "") return refusal;
  return presence.settling(monoMs) ? SETTLING : "";
}

/** Tasks that would be replaced are on nodes elsewhere that are out, and nobody else is there to tell whose fault that is. */
function isAlone(cluster: Cluster, presence: Presence): boolean {
  for (const nodeId of presence.out()) {
    const isLocal = cluster.nodes.get(nodeId)?.local === true;
    if (!isLocal && presence.isHeldBack(nodeId) && hasReplaceable(cluster, nodeId)) return true;
  }
  return false;
}

function hasReplaceable(cluster: Cluster, nodeId: string): boolean {
  for (const id of cluster.tasksOfNode.get(nodeId) ?? []) {
    const task = cluster.tasks.get(id);
    if (task?.desired !== "run" || isTerminal(task.fact.state)) continue;
    const spec = specOf(cluster, task);
    if (spec && !staysWithNode(spec)) return true;
  }
  return false;
}
