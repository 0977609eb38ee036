/**
 * The link between a manager and the worker in its own process: the counterpart of transport/in-process.ts. Messages arrive in order and never within the
 * sender's own call; a closed link comes back under a new name.
 */
import { RELINK_MS } from "../protocol/link-times.ts";
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { ManagerLinks, ManagerProcess } from "./manager-process.ts";
import type { SimEvent } from "./trace.ts";
import type { WorkerLink, WorkerProcess } from "./worker-process.ts";

export interface LocalLinkParts {
  readonly manager: ManagerProcess;
  readonly worker: WorkerProcess;
  readonly tell: (event: SimEvent) => void;
}

export class LocalLink implements WorkerLink {
  readonly #parts: LocalLinkParts;
  #generation = 0;
  #up = false;

  constructor(parts: LocalLinkParts) {
    this.#parts = parts;
  }

  /** The process begins: both ends are open, and neither knows of an earlier link. */
  begin(): void {
    this.#up = false;
    this.#connect();
  }

  send(message: WorkerMessage): void {
    const id = this.#id;
    this.#later(() => this.#parts.manager.hear(id, message));
  }

  toWorker(linkId: string, message: ManagerMessage): void {
    if (linkId === this.#id) this.#later(() => this.#parts.worker.hear(message));
  }

  closeFromManager(linkId: string): void {
    if (linkId !== this.#id || !this.#up) return;
    const { manager, worker, tell } = this.#parts;
    this.#up = false;
    tell({ kind: "unlinked", node: worker.parts.name, manager: manager.parts.name, reason: "it is closed" });
    manager.closed(linkId);
    worker.setLinked(false);
    manager.parts.process.after(RELINK_MS, () => this.#connect());
  }

  get #id(): string {
    return `in-process-${this.#generation}`;
  }

  #connect(): void {
    if (this.#up) return;
    const { manager, worker, tell } = this.#parts;
    this.#generation++;
    this.#up = true;
    tell({ kind: "linked", node: worker.parts.name, manager: manager.parts.name });
    this.#later(() => worker.setLinked(true));
  }

  /** Of a link that has closed meanwhile nothing arrives any more. */
  #later(deliver: () => void): void {
    const generation = this.#generation;
    if (!this.#up) return;
    this.#parts.manager.parts.process.after(0, () => {
      if (this.#up && generation === this.#generation) deliver();
    });
  }
}

/** Links of both kinds as one: what is not the local worker's is a machine's elsewhere. */
export function withLocal(remote: ManagerLinks, local: LocalLink): ManagerLinks {
  return {
    send: (linkId, message) => {
      remote.send(linkId, message);
      local.toWorker(linkId, message);
    },
    close: (linkId) => {
      remote.close(linkId);
      local.closeFromManager(linkId);
    },
    begin: () => remote.begin(),
  };
}
