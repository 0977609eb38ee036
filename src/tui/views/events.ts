/** What happened, newest last. Pure. */
import type { EventResource } from "../../client/resources.ts";
import type { Model } from "../state/ui.ts";
import { type Line, plain, type Role, span } from "./lines.ts";
import { clock } from "./units.ts";

/** Lines of the events pane from the place of the list on; at the end it follows. */
export function eventsView(model: Model, height: number): Line[] {
  const { events } = model.shown;
  if (events.length === 0) return [plain("nothing happened yet", "dim")];
  const top = eventsTop(model, height);
  return events.slice(top, top + height).map((event) => eventLine(model, event));
}

/** The first event in view: the place counts from the end, so that new events do not move what is read. */
export function eventsTop(model: Model, height: number): number {
  const last = Math.max(0, model.shown.events.length - height);
  return Math.max(0, last - model.places.events.top);
}

function eventLine(model: Model, event: EventResource): Line {
  const actor = event.actor === "" || event.actor === "manager" ? [] : [span(`  ${event.actor}`, "dim")];
  return [span(`${clock(event.atMs + model.zoneMs)} `, "dim"), span(event.text, roleOf(event)), ...actor];
}

function roleOf(event: EventResource): Role {
  const state = event.task?.state;
  if (state === "failed" || state === "rejected" || state === "lost") return "bad";
  if (event.task?.health === "unhealthy" || event.node?.state === "lost") return "bad";
  if (event.node?.state === "disconnected" || event.task?.restartInMs) return "warn";
  return "plain";
}
