/** Which of all that may go over a link is for whom. */
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { Frame } from "./session-host.ts";

/** null for what a manager does not hear of. Without a default, so that the compiler names each new message. */
export function asWorkerMessage(frame: Frame): WorkerMessage | null {
  switch (frame.kind) {
    case "hello":
    case "report":
    case "heartbeat":
    case "facts":
    case "refused":
    case "held":
      return frame;
    case "welcome":
    case "assignments":
    case "ack":
    case "tell":
    case "open":
    case "proof":
    case "joined":
    case "bulk":
      return null;
  }
}

/** null for what a worker does not hear of. Without a default, so that the compiler names each new message. */
export function asManagerMessage(frame: Frame): ManagerMessage | null {
  switch (frame.kind) {
    case "welcome":
    case "refused":
    case "assignments":
    case "ack":
    case "tell":
      return frame;
    case "hello":
    case "report":
    case "heartbeat":
    case "facts":
    case "held":
    case "open":
    case "proof":
    case "joined":
    case "bulk":
      return null;
  }
}
