/** What the manager's process knows of nodes beyond their records: their links and their last signs of life. Made for one look; nothing here is kept. */
import type { DialledResource, LinkFacts, NodeResource } from "../client/resources.ts";
import type { Node } from "../core/node.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import type { NodeLinks, NodePeer } from "./ports.ts";

/** What is to be added to a node's record. */
export type NodeSight = (node: Node) => Partial<NodeResource>;

/** For where nobody asks after links. */
export const NO_SIGHT: NodeSight = () => ({});

/** Looks at links and heartbeats as they are in this turn. */
export function sightOf(access: ManagerAccess, links: NodeLinks | undefined): NodeSight {
  const observations = access.observations();
  let found: ReadonlyMap<string, readonly DialledResource[]> | undefined;
  return (node) => {
    const seen = observations.get(node.id);
    const link = linkOf(node.id, links);
    found ??= Map.groupBy(links?.dialled() ?? [], ({ nodeId }) => nodeId);
    const dialledAt = found.get(node.id)?.map(({ address }) => address);
    const isAwaited = node.state === "ready" && seen === undefined && link === undefined;
    return {
      ...link,
      ...(isAwaited && { awaited: true }),
      ...(dialledAt && { dialledAt }),
      ...(seen && { heartbeatAgeMs: Math.max(0, Math.round(performance.now() - seen.seenMonoMs)) }),
    };
  };
}

/** A node's link; undefined without one. */
export function linkOf(nodeId: string, links: NodeLinks | undefined): LinkFacts | undefined {
  const peer = links?.peer(nodeId);
  return peer ? factsOf(peer) : undefined;
}

function factsOf({ address, dialledBy, roundTripMs, protocol, sinceMs }: NodePeer): LinkFacts {
  return { address, dialledBy, ...(roundTripMs !== null && { roundTripMs }), protocol, linkedSinceMs: sinceMs };
}
