import { expect, test } from "bun:test";
import { emptyCluster } from "../../src/core/cluster.ts";
import type { ManagerNews } from "../../src/manager/commands.ts";
import { logEvents } from "../../src/roles/event-log.ts";

test("roles/event-log: events with words are written with revision and actor, and none after the end", () => {
  const lines: unknown[] = [];
  let tell: ((news: ManagerNews) => void) | undefined;
  const access = {
    subscribe: (listener: (news: ManagerNews) => void) => {
      tell = listener;
      return {
        [Symbol.dispose]: () => {
          tell = undefined;
        },
      };
    },
  };
  const logged = logEvents(access, { debug: (text, fields) => void lines.push([text, fields]) });
  const change = { kind: "job.remove", jobId: "j" } as const;
  const changes = ["web is removed", ""].map((text, i) => ({ revision: i + 1, atMs: 0, actor: "me", text, change }));
  tell?.({ kind: "committed", changes, cluster: emptyCluster() });
  tell?.({ kind: "status" });
  logged[Symbol.dispose]();
  expect([lines, tell]).toEqual([[["web is removed", { revision: 1, actor: "me" }]], undefined]);
});
