/**
 * Going through large collections of the cluster a piece at a time, so that a manager of a hundred thousand tasks still hears its workers while somebody reads a
 * list. Between two pieces other turns run and the cluster goes on: each piece shows it as it is by then, and only what is durable.
 */
import type { Cluster } from "../core/cluster.ts";
import type { ManagerAccess } from "../manager/commands.ts";

/** Records looked at in one turn. */
const PIECE = 1_000;

/** Calls `act` for each of `items`, which may change meanwhile as Map and Set allow. Rejects when the cluster was loaded anew, or cannot be read. */
export async function inPieces<T>(
  access: ManagerAccess,
  items: (cluster: Cluster) => Iterable<T>,
  act: (cluster: Cluster, item: T) => void,
): Promise<void> {
  const cluster = await access.read();
  let inPiece = 0;
  for (const item of items(cluster)) {
    if (inPiece === PIECE) {
      await nextTurn();
      if ((await access.read()) !== cluster) throw new Error("the manager has begun anew");
      inPiece = 0;
    }
    act(cluster, item);
    inPiece++;
  }
}

/** Lets everything else have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
