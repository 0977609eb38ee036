/** Lines among the events for what is done and is no record of the cluster, such as an address that is dialled from now on. Pure. */
import type { CommandContext, Planned } from "./submit.ts";

/** Longer lines are cut. */
const LONGEST = 512;

/** An event and nothing else: in the log it is the removal of a handled request that never was. */
export function planNote(context: CommandContext, text: string): Planned {
  const change = { kind: "request.remove", key: "note" } as const;
  const draft = { change, actor: context.actor, text: text.slice(0, LONGEST) };
  return { ok: true, jobId: "", created: false, drafts: [draft] };
}
