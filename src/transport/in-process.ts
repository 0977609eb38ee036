/**
 * The link between a manager and the worker in the same process. It keeps the promises of a socket, and no more: messages arrive in order, later than they
 * were sent, and a closed link comes back under a new name with a new hello. It must never deliver within the sender's own call.
 */
import type { WorkerLinks } from "../manager/ports.ts";
import { RELINK_MS } from "../protocol/link-times.ts";
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { ManagerLink } from "../worker/ports.ts";

type ManagerHandlers = Parameters<WorkerLinks["open"]>[0];
type WorkerHandlers = Parameters<ManagerLink["open"]>[0];

/** Both ends. Either may be opened first; the link is up once both are. */
export function createInProcessLink(): { readonly manager: WorkerLinks; readonly worker: ManagerLink } {
  const link = new InProcessLink();
  return {
    manager: {
      send: (linkId, message) => link.toWorker(linkId, message),
      close: (linkId) => link.closeFromManager(linkId),
      open: (handlers) => link.openManager(handlers),
    },
    worker: {
      send: (message) => link.toManager(message),
      open: (handlers) => link.openWorker(handlers),
    },
  };
}

class InProcessLink {
  #manager: ManagerHandlers | undefined;
  #worker: WorkerHandlers | undefined;
  #generation = 0;
  #up = false;

  openManager(handlers: ManagerHandlers): Disposable {
    this.#manager = handlers;
    this.#connect();
    return { [Symbol.dispose]: () => this.#leave(() => (this.#manager = undefined)) };
  }

  openWorker(handlers: WorkerHandlers): Disposable {
    this.#worker = handlers;
    this.#connect();
    return { [Symbol.dispose]: () => this.#leave(() => (this.#worker = undefined)) };
  }

  toManager(message: WorkerMessage): void {
    const id = this.#id();
    this.#later(() => this.#manager?.onMessage(id, message));
  }

  toWorker(linkId: string, message: ManagerMessage): void {
    if (linkId === this.#id()) this.#later(() => this.#worker?.onMessage(message));
  }

  closeFromManager(linkId: string): void {
    if (linkId !== this.#id() || !this.#up) return;
    this.#drop();
    setTimeout(() => this.#connect(), RELINK_MS).unref();
  }

  #connect(): void {
    if (this.#up || !this.#manager || !this.#worker) return;
    this.#generation++;
    this.#up = true;
    this.#later(() => this.#worker?.onLinked());
  }

  #leave(forget: () => void): void {
    this.#drop();
    forget();
  }

  #drop(): void {
    if (!this.#up) return;
    const id = this.#id();
    this.#up = false;
    this.#manager?.onClosed(id);
    this.#worker?.onUnlinked();
  }

  #id(): string {
    return `in-process-${this.#generation}`;
  }

  /** Of a link that has closed meanwhile nothing arrives any more. */
  #later(deliver: () => void): void {
    const generation = this.#generation;
    if (!this.#up) return;
    queueMicrotask(() => {
      if (this.#up && generation === this.#generation) deliver();
    });
  }
}
