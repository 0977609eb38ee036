/** The cluster's events in the log, for `--log-level debug`: what the event pane showed is then there to read after the screen is gone. */
import type { Log } from "../log/log.ts";
import type { ManagerAccess } from "../manager/commands.ts";

/** Writes each durable event that has words, until disposed. */
export function logEvents(access: Pick<ManagerAccess, "subscribe">, log: Pick<Log, "debug">): Disposable {
  return access.subscribe((news) => {
    if (news.kind !== "committed") return;
    for (const { revision, actor, text } of news.changes) if (text !== "") log.debug(text, { revision, actor });
  });
}
