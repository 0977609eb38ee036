/** A change before it has its place in history: what a stage of the tick gives back. */
import type { Change } from "./change.ts";

/** `text` is the event's line for people, "" when nobody needs to see it. */
export interface Draft {
  readonly change: Change;
  readonly actor: string;
  readonly text: string;
}

/** A draft that nobody needs to see. */
export function quiet(change: Change, actor: string): Draft {
  return { change, actor, text: "" };
}
