/** Several kinds of links as one, so that a manager has its own worker and remote ones alike. A link's id names the kind that it is of. */
import type { WorkerLinks } from "../manager/ports.ts";

/** Link ids are kept apart by a prefix: two kinds may count alike. */
export function combineLinks(...kinds: readonly WorkerLinks[]): WorkerLinks {
  const find = (linkId: string): { readonly links: WorkerLinks; readonly own: string } | null => {
    const colon = linkId.indexOf(":");
    const links = colon < 0 ? undefined : kinds[Number(linkId.slice(0, colon))];
    return links ? { links, own: linkId.slice(colon + 1) } : null;
  };
  return {
    send: (linkId, message) => {
      const found = find(linkId);
      found?.links.send(found.own, message);
    },
    close: (linkId) => {
      const found = find(linkId);
      found?.links.close(found.own);
    },
    open: (handlers) => {
      const opened = new DisposableStack();
      for (const [index, links] of kinds.entries()) {
        opened.use(
          links.open({
            onMessage: (linkId, message) => handlers.onMessage(`${index}:${linkId}`, message),
            onClosed: (linkId) => handlers.onClosed(`${index}:${linkId}`),
          }),
        );
      }
      return opened;
    },
  };
}
