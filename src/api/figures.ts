/** What the API measures of its own process: how long commands take until they are durable, and how late the event loop is. Costs nothing while nobody asks. */
import type { ManagerAccess } from "../manager/commands.ts";
import type { ProcessFigures } from "./prometheus.ts";

export class ProcessMeter {
  /** The manager's access, with each command timed. */
  readonly access: ManagerAccess;
  #commands = 0;
  #commandSeconds = 0;

  constructor(access: ManagerAccess) {
    this.access = {
      read: () => access.read(),
      status: () => access.status(),
      observations: () => access.observations(),
      log: (after, limit) => access.log(after, limit),
      subscribe: (listener) => access.subscribe(listener),
      execute: async (command, actor) => {
        const startMs = performance.now();
        const result = await access.execute(command, actor);
        this.#commands++;
        this.#commandSeconds += (performance.now() - startMs) / 1_000;
        return result;
      },
    };
  }

  /** The lag is that of this very moment: one turn of the loop, measured. */
  async figures(): Promise<ProcessFigures> {
    const startMs = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    return {
      eventLoopLagSeconds: (performance.now() - startMs) / 1_000,
      residentBytes: process.memoryUsage.rss(),
      commands: this.#commands,
      commandSeconds: this.#commandSeconds,
    };
  }
}
