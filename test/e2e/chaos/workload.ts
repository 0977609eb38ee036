// Somebody who uses the cluster all the time: submits with idempotency keys, repeats what was not answered, stops, starts and removes, and writes down what
// he was promised. He never gives up on a request, and never takes silence for an answer.
import { join } from "node:path";
import type { JobResource } from "../../../src/client/resources.ts";
import { TEST_IMAGE } from "../../setup/docker.ts";
import type { Cube } from "../cube.ts";
import { type Ask, drawAsk, fitOf, type Submission, type TimedAsk } from "./ask.ts";
import { Book, type Entry } from "./book.ts";
import type { Dice } from "./dice.ts";

const REST_MS = 250;
const REQUEST_MS = 4_000;
const RETRY_MS = 250;
/** Requests that wait for an answer at the same time. */
const OUTSTANDING = 6;

/** The body of a request to the API, and where it goes. */
interface Request {
  readonly method: "POST" | "DELETE";
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  /** Answers beside success that also mean: done. */
  readonly alsoDone?: readonly number[];
}

/** A part of a run, as far as the workload goes: where it writes down what it asks, and what it is to ask instead of what chance draws. */
export interface Part {
  readonly asked: TimedAsk[];
  /** In the order of their moments. */
  readonly script?: readonly TimedAsk[];
}

/** Goes on until it rests. */
export class Workload {
  readonly book = new Book();
  /** Requests that had to be sent more than once. */
  repeats = 0;
  /** What was refused although it should not have been. */
  readonly refusals: string[] = [];
  readonly #manager: Cube;
  readonly #dice: Dice;
  readonly #outstanding = new Set<Promise<void>>();
  #part: Part = { asked: [] };
  #played = 0;
  /** What is left of the script does not wait for its moment. */
  #isHurried = false;
  #activeMs = 0;
  #activeSinceMs = 0;
  #isActive = false;
  #mayEnd = true;
  #isOver = false;
  #keys = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(manager: Cube, dice: Dice) {
    this.#manager = manager;
    this.#dice = dice;
  }

  /** Begins (again). Without `mayEnd` it only submits services: nothing is stopped or removed, and nothing ends by itself. */
  begin({ mayEnd }: { readonly mayEnd: boolean } = { mayEnd: true }): void {
    this.#isActive = true;
    this.#activeSinceMs = performance.now();
    this.#mayEnd = mayEnd;
    this.#loop = this.#go();
  }

  /** Asks for nothing new; resolves once everything that was asked has been answered. */
  async rest(): Promise<void> {
    if (this.#isActive) this.#activeMs = this.#atMs;
    this.#isActive = false;
    await this.#loop;
    await Promise.all(this.#outstanding);
  }

  /** What it asks from now on belongs to another part; moments are counted anew. */
  turnTo(part: Part): void {
    this.#part = part;
    this.#played = 0;
    this.#activeMs = 0;
    this.#activeSinceMs = performance.now();
  }

  /** Whether it has asked for all that its part's script holds. */
  get isThrough(): boolean {
    return this.#played >= (this.#part.script?.length ?? 0);
  }

  /** Rests once it has asked for all that its part holds, without waiting for the moments: the faults may have ended earlier this time. */
  async finish(): Promise<void> {
    if (!this.isThrough && !this.#isActive) this.begin();
    this.#isHurried = true;
    while (!this.isThrough && !this.#isOver) await Bun.sleep(REST_MS);
    this.#isHurried = false;
    await this.rest();
  }

  /** Gives up, for the end of a run. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.rest();
  }

  /** Tells a job again what it was told, because an operator has put an older store in place. */
  tellAgain(entry: Entry): Promise<void> {
    return entry.told === "stop" ? this.#stop(entry) : this.#remove(entry);
  }

  async #go(): Promise<void> {
    while (this.#isActive) {
      // By chance one at a time; of a script all whose moment has come.
      let ask = this.#next();
      if (ask !== null) this.#begun(ask);
      while (ask !== null && this.#part.script !== undefined) {
        ask = this.#next();
        if (ask !== null) this.#begun(ask);
      }
      await Bun.sleep(REST_MS);
    }
  }

  get #atMs(): number {
    return Math.round(this.#activeMs + (this.#isActive ? performance.now() - this.#activeSinceMs : 0));
  }

  #next(): Ask | null {
    if (this.#outstanding.size >= OUTSTANDING) return null;
    const { script } = this.#part;
    if (script === undefined) return drawAsk(this.#dice, this.book, this.#mayEnd);
    for (; this.#played < script.length; this.#played++) {
      const ask = script[this.#played] as TimedAsk;
      if (ask.atMs > this.#atMs && !this.#isHurried) return null;
      const fit = fitOf(ask, this.book, this.#mayEnd);
      if (fit === "later") return null;
      if (fit === "now") {
        this.#played++;
        return ask;
      }
    }
    return null;
  }

  #begun(ask: Ask): void {
    this.#part.asked.push({ ...ask, atMs: this.#atMs });
    const request = this.#ask(ask).finally(() => this.#outstanding.delete(request));
    this.#outstanding.add(request);
  }

  #ask(ask: Ask): Promise<void> {
    const entry = this.book.entries.find(({ name }) => name === ask.job) as Entry;
    switch (ask.do) {
      case "submit":
        return this.#submit(ask);
      case "repeat":
        return this.#repeat(entry);
      case "stop":
        return this.#stop(entry);
      case "start":
        return this.#start(entry);
      case "remove":
        return this.#remove(entry);
    }
  }

  async #submit({ job: name, kind, count, replace }: Submission): Promise<void> {
    const entry: Entry = {
      name,
      key: `key-${name}`,
      count,
      kind,
      replace,
      told: "asked",
      isUnsure: true,
      jobId: "",
      keyIsKnown: true,
    };
    this.book.entries.push(entry);
    await this.#deliver(submission(entry), (job) => {
      entry.jobId = job.id;
      entry.told = "run";
      entry.isUnsure = false;
    });
  }

  /** The same submission once more, as a client does that has not heard the answer: it must be the same job. */
  async #repeat(entry: Entry): Promise<void> {
    entry.isUnsure = true;
    await this.#deliver(submission(entry), (job) => {
      entry.isUnsure = false;
      if (job.id !== entry.jobId) this.refusals.push(`${entry.key} gave ${entry.jobId}, then ${job.id}`);
    });
  }

  async #remove(entry: Entry): Promise<void> {
    entry.isUnsure = true;
    entry.told = "remove";
    const path = `/v1/jobs/${entry.jobId}`;
    // Repeated, it may find the job being removed, or gone.
    await this.#deliver({ method: "DELETE", path, alsoDone: [404, 409] }, () => {
      entry.isUnsure = false;
    });
  }

  async #stop(entry: Entry): Promise<void> {
    entry.isUnsure = true;
    entry.told = "stop";
    await this.#deliver({ method: "POST", path: `/v1/jobs/${entry.jobId}/stop`, key: this.#fresh() }, () => {
      entry.isUnsure = false;
    });
  }

  async #start(entry: Entry): Promise<void> {
    entry.isUnsure = true;
    entry.told = "run";
    await this.#deliver({ method: "POST", path: `/v1/jobs/${entry.jobId}/start`, key: this.#fresh() }, () => {
      entry.isUnsure = false;
    });
  }

  #fresh(): string {
    return `key-${++this.#keys}`;
  }

  async #deliver(request: Request, done: (job: JobResource) => void): Promise<void> {
    for (let tries = 0; !this.#isOver; tries++) {
      if (tries === 1) this.repeats++;
      const answer = await this.#send(request).catch(() => null);
      const status = answer?.status ?? 0;
      if (answer !== null && (answer.ok || request.alsoDone?.includes(status))) return done(await jobOf(answer));
      if (answer !== null && status >= 400 && status < 500 && status !== 408 && status !== 429) {
        this.refusals.push(`${request.method} ${request.path} ${request.key ?? ""}: ${status} ${await answer.text()}`);
        return;
      }
      await Bun.sleep(RETRY_MS);
    }
  }

  #send({ method, path, key, body }: Request): Promise<Response> {
    return fetch(`http://localhost${path}`, {
      method,
      unix: join(this.#manager.dataDir, "cube.sock"),
      headers: { "Content-Type": "application/json", ...(key !== undefined && { "Idempotency-Key": key }) },
      signal: AbortSignal.timeout(REQUEST_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}

function submission({ name, key, count, kind, replace }: Entry): Request {
  const lasts = { command: ["sleep", "100000"], restart: { condition: "always", attempts: 1000, maxDelay: "2s" } };
  const ends = { command: ["sh", "-c", "sleep 0.2"], restart: "no" };
  const body = {
    name,
    count,
    image: TEST_IMAGE,
    cpus: 0.01,
    memory: "8m",
    stopSignal: "SIGKILL",
    privileges: { network: "none" },
    disconnect: { replace },
    ...(kind === "service" ? lasts : ends),
  };
  return { method: "POST", path: "/v1/jobs", key, body };
}

/** The job in an answer; an empty one where the answer holds none. */
async function jobOf(answer: Response): Promise<JobResource> {
  const text = await answer.text();
  const found = (text === "" ? {} : JSON.parse(text)) as { job?: JobResource } & JobResource;
  return found.job ?? found;
}
