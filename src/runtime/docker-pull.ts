/**
 * Makes images available: asks the engine whether it has one (remembered for a while, because 50 starts of one image need one question), pulls when the
 * policy says so, one pull for all who wait for the same image. Every record of a pull's stream is looked at: an engine reports a failed pull as a success.
 */
import type { Readable } from "node:stream";
import { type Failure, fail, ok, type Result } from "../core/failure.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { Engine } from "./docker-engine.ts";
import { messageOf, pullFailure, refused, statusOf, unreachable } from "./docker-errors.ts";

/** How long an image that was seen is taken for there. A create that misses it forgets it at once. */
const SEEN_MS = 60_000;
/** Images remembered; past it all are forgotten and asked for again. */
const SEEN_MAX = 1_000;
/** Progress is told at most this often. */
const PROGRESS_MS = 500;
/** A pull of which nothing is heard for this long has failed: a registry that hangs says nothing, the check of a huge layer for a while. */
const STALLED_MS = 10 * 60_000;
/** A record of the stream longer than this is not the engine's. */
const RECORD_MAX = 1 << 20;

interface Pull {
  readonly listeners: Set<(text: string) => void>;
  readonly abort: AbortController;
  readonly done: Promise<Result<null>>;
  waiting: number;
}

/** The images of one engine. */
export class Images {
  readonly #engine: () => Engine;
  readonly #stalledMs: number;
  readonly #seen = new Map<string, number>();
  readonly #pulls = new Map<string, Pull>();

  constructor(engine: () => Engine, stalledMs = STALLED_MS) {
    this.#engine = engine;
    this.#stalledMs = stalledMs;
  }

  /** Ready to create from, by the task's policy. Fails as `image_not_found`, `unavailable`, `transient`, `invalid` or `aborted`. */
  async ensure(spec: TaskSpec, progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>> {
    const reference = completeReference(spec.image);
    if (signal.aborted) return fail("aborted", `image ${reference}: stopped on request`);
    if (spec.pull === "always") return this.#pull(reference, progress, signal);
    const present = await this.#present(reference, signal);
    if (!present.ok) return present;
    if (present.value) return ok(null);
    if (spec.pull === "missing") return this.#pull(reference, progress, signal);
    return fail(
      "image_not_found",
      `image ${reference}: not on this node, and its pull policy is never: load it, or allow pulls`,
    );
  }

  /** To be called when a create did not find it. */
  forget(image: string): void {
    this.#seen.delete(completeReference(image));
  }

  async #present(reference: string, signal: AbortSignal): Promise<Result<boolean>> {
    if (performance.now() - (this.#seen.get(reference) ?? -SEEN_MS) < SEEN_MS) return ok(true);
    const asked = await this.#engine().call("GET", `/images/${reference}/json`, { signal });
    if (!asked.ok) return asked;
    const { status, body } = asked.value;
    if (status === 200) this.#see(reference);
    if (status === 200 || status === 404) return ok(status === 200);
    return { ok: false, failure: refused(`image ${reference}`, status, body) };
  }

  #see(reference: string): void {
    if (this.#seen.size >= SEEN_MAX) this.#seen.clear();
    this.#seen.set(reference, performance.now());
  }

  /** Joins the running pull of this image or begins one; it ends early only when nobody waits for it any more. */
  async #pull(reference: string, progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>> {
    const pull = this.#pulls.get(reference) ?? this.#begin(reference);
    pull.waiting += 1;
    pull.listeners.add(progress);
    const aborted = Promise.withResolvers<Result<null>>();
    const onAbort = () => aborted.resolve(fail("aborted", `image ${reference}: the pull was stopped`));
    signal.addEventListener("abort", onAbort, { once: true });
    const result = await Promise.race([pull.done, aborted.promise]);
    signal.removeEventListener("abort", onAbort);
    pull.listeners.delete(progress);
    pull.waiting -= 1;
    if (pull.waiting === 0) this.#finish(reference, pull);
    return result;
  }

  #finish(reference: string, pull: Pull): void {
    if (this.#pulls.get(reference) === pull) this.#pulls.delete(reference);
    pull.abort.abort();
  }

  #begin(reference: string): Pull {
    const listeners = new Set<(text: string) => void>();
    const abort = new AbortController();
    const tell = (text: string) => {
      for (const listener of listeners) listener(text);
    };
    const limits = { signal: abort.signal, stalledMs: this.#stalledMs };
    const done = runPull(this.#engine(), reference, tell, limits).then((result) => {
      if (result.ok) this.#see(reference);
      return result;
    });
    const pull: Pull = { listeners, abort, done, waiting: 0 };
    this.#pulls.set(reference, pull);
    return pull;
  }
}

/** With ":latest" where neither tag nor digest is given: without one the engine would pull every tag. */
export function completeReference(image: string): string {
  const name = image.slice(image.lastIndexOf("/") + 1);
  return name.includes(":") || name.includes("@") ? image : `${image}:latest`;
}

async function runPull(
  engine: Engine,
  reference: string,
  tell: (text: string) => void,
  { signal, stalledMs }: { readonly signal: AbortSignal; readonly stalledMs: number },
): Promise<Result<null>> {
  tell("pulling");
  using silence = new Silence(stalledMs);
  const abortSignal = AbortSignal.any([signal, silence.signal]);
  const cutShort = (): Result<null> | null => {
    if (signal.aborted) return fail("aborted", `image ${reference}: the pull was stopped`);
    if (!abortSignal.aborted) return null;
    return fail("transient", `image ${reference}: nothing was heard of the pull for ${stalledMs / 60_000} minutes`);
  };
  try {
    const stream = (await engine.docker.createImage({ fromImage: reference, abortSignal })) as Readable;
    abortSignal.addEventListener("abort", () => stream.destroy(), { once: true });
    const failure = await readProgress(stream, reference, { tell, heard: () => silence.broken() });
    return cutShort() ?? (failure ? { ok: false, failure } : await confirmed(engine, reference));
  } catch (error) {
    const short = cutShort();
    if (short !== null) return short;
    const failure =
      statusOf(error) === null ? unreachable(engine.place, error) : pullFailure(reference, messageOf(error));
    return { ok: false, failure };
  }
}

/** Aborts its signal when nothing is heard for too long. */
class Silence implements Disposable {
  readonly #tooLong = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(limitMs: number) {
    this.#timer = setTimeout(() => this.#tooLong.abort(), limitMs);
  }

  get signal(): AbortSignal {
    return this.#tooLong.signal;
  }

  /** Something was heard: the time begins anew. */
  broken(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** A stream that broke off ends like one that is whole: only the image itself tells. */
async function confirmed(engine: Engine, reference: string): Promise<Result<null>> {
  const asked = await engine.call("GET", `/images/${reference}/json`);
  if (!asked.ok) return asked;
  return asked.value.status === 200
    ? ok(null)
    : fail("transient", `image ${reference}: the pull broke off before its end`);
}

interface PullRecord {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

async function readProgress(
  stream: Readable,
  reference: string,
  { tell, heard }: { readonly tell: (text: string) => void; readonly heard: () => void },
): Promise<Failure | null> {
  const progress = new PullProgress();
  using teller = new Teller(() => tell(progress.text));
  let rest = "";
  for await (const chunk of stream) {
    heard();
    const lines = (rest + String(chunk)).split("\n");
    rest = (lines.pop() ?? "").slice(0, RECORD_MAX);
    for (const line of lines) {
      const record = parsedRecord(line);
      const error = record.errorDetail?.message ?? record.error;
      if (error !== undefined) return pullFailure(reference, error);
      progress.add(record);
    }
    teller.changed();
  }
  const last = parsedRecord(rest);
  const error = last.errorDetail?.message ?? last.error;
  return error === undefined ? null : pullFailure(reference, error);
}

/** Tells of changes at most twice a second, the last one before a pause too. */
class Teller implements Disposable {
  readonly #tell: () => void;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tell();
    }, PROGRESS_MS);
  }

  [Symbol.dispose](): void {
    if (this.#timer) clearTimeout(this.#timer);
  }
}

function parsedRecord(line: string): PullRecord {
  try {
    const record: unknown = line.trim() === "" ? {} : JSON.parse(line);
    return typeof record === "object" && record !== null ? (record as PullRecord) : {};
  } catch {
    return {};
  }
}

/** Sums a pull's layers. Layers whose size is not known yet do not count. */
export class PullProgress {
  readonly #layers = new Map<string, { current: number; total: number }>();
  #highest = 0;

  add({ id, status, progressDetail }: PullRecord): void {
    if (id === undefined) return;
    const layer = this.#layers.get(id);
    if (status === "Downloading" && progressDetail?.total) {
      this.#layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    } else if (layer && (status === "Download complete" || status === "Pull complete")) {
      layer.current = layer.total;
    }
  }

  /** "pulling 43 %"; never falls, though a layer that appears late makes the whole larger. */
  get text(): string {
    let current = 0;
    let total = 0;
    for (const layer of this.#layers.values()) {
      current += layer.current;
      total += layer.total;
    }
    if (total === 0) return "pulling";
    this.#highest = Math.max(this.#highest, Math.floor((100 * current) / total));
    return this.#highest === 100 ? "extracting" : `pulling ${this.#highest} %`;
  }
}
