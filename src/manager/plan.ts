/** Which planner answers which command. Pure. */
import { planTokenCreate, planTokenRevoke } from "../core/access-commands.ts";
import { planNodeRemove } from "../core/node-removal.ts";
import { planNote } from "../core/note.ts";
import {
  type CommandContext,
  type Planned,
  planAvailability,
  planRemove,
  planRestart,
  planStart,
  planStop,
  planSubmit,
  planTaskRestart,
} from "../core/submit.ts";
import type { Command } from "./commands.ts";

/** Commands that are answered by changes of records alone. */
export type StoredCommand = Exclude<Command, { readonly kind: "nodes.trust-loss" }>;

/** The changes that a command asks for, or why it is refused. */
export function planCommand(command: StoredCommand, context: CommandContext): Planned {
  switch (command.kind) {
    case "job.submit":
      return planSubmit(context, command);
    case "job.stop":
      return planStop(context, command.jobId);
    case "job.start":
      return planStart(context, command.jobId);
    case "job.remove":
      return planRemove(context, command.jobId);
    case "job.restart":
      return planRestart(context, command.jobId);
    case "task.restart":
      return planTaskRestart(context, command.taskId);
    case "node.availability":
      return planAvailability(context, command.nodeId, command.availability);
    case "node.remove":
      return planNodeRemove(context, command);
    case "access.create":
      return planTokenCreate(context, command);
    case "access.revoke":
      return planTokenRevoke(context, command.name);
    case "note":
      return planNote(context, command.text);
  }
}
