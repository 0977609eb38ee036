/** `cube events`: what happened, in order; with --follow without a gap, or with a word where there is one. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import type { EventResource, WatchItem } from "../../client/resources.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { readWholeNumber } from "../flag-values.ts";
import { clock } from "../quantities.ts";
import { clean, jsonText } from "../text.ts";

/** Events asked for at a time. */
const PAGE = 1_000;

/** Without --since a list ends with the newest and begins this many before. */
const RECENT = 100;

export const EVENTS: CommandSpec = {
  name: "events",
  usage: ["[OPTIONS]"],
  summary: "show what happened, oldest first",
  details: [`Without --since it begins ${RECENT} changes ago.`],
  parameters: [],
  groups: [
    {
      title: "Options:",
      options: [
        { flags: "-f, --follow", about: "go on as more happens" },
        { flags: "--since <REVISION>", about: "only what came after this revision; 0 for all that is kept" },
        { flags: "--json", about: "one JSON object a line, silent changes included" },
      ],
    },
    TARGET_OPTIONS,
  ],
  run: runEvents,
};

async function runEvents(context: Context): Promise<number> {
  const since = textFlag(context.flags, "since");
  const client = await context.client();
  // Asked for in any case: a watch tries for ever, also where no manager has ever been.
  const { revision } = await client.manager();
  const start = since === undefined ? Math.max(0, revision - RECENT) : readWholeNumber("--since", since);
  const printer = new Printer(context, client, start);
  if (context.flags.follow === true) await follow(context, { client, printer });
  else await printer.catchUp();
  return 0;
}

/** Items are handled one after another, for catching up takes a while; the watch has begun before, so nothing falls between. */
async function follow(context: Context, at: { client: ClusterClient; printer: Printer }): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  let queue = Promise.resolve();
  const take = (item: WatchItem): void => {
    queue = queue.then(() => handle(context, at.printer, item)).catch(reject);
  };
  const onAbort = () => reject(context.signal.reason);
  if (context.signal.aborted) onAbort();
  context.signal.addEventListener("abort", onAbort, { once: true });
  using _watch = at.client.watch(take);
  await promise;
}

async function handle(context: Context, printer: Printer, item: WatchItem): Promise<void> {
  if (item.kind === "snapshot") await printer.catchUp();
  else if (item.kind === "event") await printer.printNow(item.event);
  else if (item.kind === "down") context.io.stderr.write(`cube: ${clean(item.reason)}; trying again\n`);
}

/** Prints each revision once, in order. */
class Printer {
  readonly #context: Context;
  readonly #client: ClusterClient;
  #printed: number;

  constructor(context: Context, client: ClusterClient, since: number) {
    this.#context = context;
    this.#client = client;
    this.#printed = since;
  }

  /** Everything between the last printed revision and now. */
  async catchUp(): Promise<void> {
    for (;;) {
      const { items, revision, gap } = await this.#client.events({ since: this.#printed, limit: PAGE });
      if (revision < this.#printed) {
        const told = `${this.#printed} is beyond the newest event, ${revision}: nothing came after it yet`;
        this.#context.io.stderr.write(`cube: ${told}; going on from ${revision}\n`);
        this.#printed = revision;
        return;
      }
      // A page shorter than asked for ends the list, whatever has happened since.
      if (gap && this.#printed > 0)
        this.#context.io.stderr.write(
          `cube: events after ${this.#printed} are no longer kept; going on with the oldest\n`,
        );
      for (const event of items) this.print(event);
      await this.#context.io.stdout.ready();
      if (items.length < PAGE) {
        this.#printed = Math.max(this.#printed, revision);
        return;
      }
    }
  }

  /** Prints an event of the watch, and holds the next one back while nobody reads. */
  async printNow(event: EventResource): Promise<void> {
    this.print(event);
    await this.#context.io.stdout.ready();
  }

  print(event: EventResource): void {
    if (event.revision <= this.#printed) return;
    this.#printed = event.revision;
    const { io, flags } = this.#context;
    if (flags.json === true) io.stdout.write(`${jsonText(event, 0)}\n`);
    else if (event.text !== "")
      io.stdout.write(`${clock(event.atMs)}  ${String(event.revision).padStart(6)}  ${clean(event.text)}\n`);
  }
}
