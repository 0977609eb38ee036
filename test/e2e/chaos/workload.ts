// Somebody who uses the cluster all the time: submits with idempotency keys, repeats what was not answered, stops, starts and removes, and writes down what
// he was promised. He never gives up on a request, and never takes silence for an answer.
import { join } from "node:path";
import type { JobResource } from "../../../src/client/resources.ts";
import { TEST_IMAGE } from "../../setup/docker.ts";
import type { Cube } from "../cube.ts";
import { Book, type Entry } from "./book.ts";
import type { Dice } from "./dice.ts";

/** Service tasks that are kept alive; above the least that runs when a fault comes. */
const WANTED_TASKS = 24;
export const LEAST_TASKS = 20;
/** Jobs that have ended or were stopped and are kept, so that the story does not only grow. */
const KEPT_ENDED = 12;
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
  #isActive = false;
  #mayEnd = true;
  #isOver = false;
  #made = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(manager: Cube, dice: Dice) {
    this.#manager = manager;
    this.#dice = dice;
  }

  /** Begins (again). Without `mayEnd` it only submits services: nothing is stopped or removed, and nothing ends by itself. */
  begin({ mayEnd }: { readonly mayEnd: boolean } = { mayEnd: true }): void {
    this.#isActive = true;
    this.#mayEnd = mayEnd;
    this.#loop = this.#go();
  }

  /** Asks for nothing new; resolves once everything that was asked has been answered. */
  async rest(): Promise<void> {
    this.#isActive = false;
    await this.#loop;
    await Promise.all(this.#outstanding);
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
      if (this.#outstanding.size < OUTSTANDING) {
        const request = this.#something().finally(() => this.#outstanding.delete(request));
        this.#outstanding.add(request);
      }
      await Bun.sleep(REST_MS);
    }
  }

  #something(): Promise<void> {
    const { book } = this;
    const settled = book.known.filter(({ isUnsure }) => !isUnsure);
    const services = settled.filter(({ kind, told }) => kind === "service" && told === "run");
    const ended = settled.filter(({ kind, told }) => kind === "batch" || told === "stop");
    const dice = this.#dice.next();
    if (book.lasting < WANTED_TASKS) return this.#submit("service");
    if (!this.#mayEnd)
      return dice < 0.3 && book.lasting < WANTED_TASKS + 10 ? this.#submit("service") : Promise.resolve();
    if (ended.length > KEPT_ENDED) return this.#remove(ended[0] as Entry);
    if (dice < 0.25) return this.#submit("batch");
    // Rarely enough that most jobs live through a fault: what is removed at once is never replaced, nor lost.
    if (dice < 0.28 && services.length > 0) return this.#remove(this.#dice.pick(services));
    if (dice < 0.31 && services.length > 0) return this.#stop(this.#dice.pick(services));
    const stopped = settled.filter(({ told }) => told === "stop");
    if (dice < 0.37 && stopped.length > 0) return this.#start(this.#dice.pick(stopped));
    const repeatable = settled.filter(({ keyIsKnown }) => keyIsKnown);
    if (dice < 0.42 && repeatable.length > 0) return this.#repeat(this.#dice.pick(repeatable));
    return Promise.resolve();
  }

  async #submit(kind: Entry["kind"]): Promise<void> {
    const number = ++this.#made;
    const count = kind === "batch" ? 1 : this.#dice.between(1, 3);
    const replace = this.#dice.chance(0.67);
    const name = `${kind === "batch" ? "b" : "s"}${number}`;
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
    return `key-${++this.#made}`;
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
