/** A command in a task over WebSocket, as an ExecStream. See exec-frames.ts for what is said. */
import { WebSocket } from "ws";
import type { Target } from "../core/target.ts";
import { ClientError, type ExecOptions, type ExecStream } from "./cluster-client.ts";
import { dataFrame, type ExecClientFrame, type ExecServerFrame, MAX_FRAME_BYTES, STREAM } from "./exec-frames.ts";
import { authorization, nameOf, send, trustOf, unreachable, urlOf } from "./transport.ts";

const HANDSHAKE_MS = 10_000;
/** Output that may wait here unread before the manager is told to wait. */
const MAX_WAITING_BYTES = 4 << 20;
const PIECE = MAX_FRAME_BYTES - 1;
/** How often a client whose output waits says that it is there, ms: the manager's own question is not read then, and it hangs up on whoever leaves it unanswered for 20 s. */
const SIGN_OF_LIFE_MS = 8_000;

type Output = { readonly stream: "stdout" | "stderr"; readonly data: Uint8Array };

/** Resolves once the command runs; rejects with the manager's ClientError, or `unavailable`. */
export async function execOverHttp(
  target: Target,
  ref: string,
  options: ExecOptions,
  signOfLifeMs: number = SIGN_OF_LIFE_MS,
): Promise<ExecStream> {
  const trust = await trustOf(target);
  const path = `/v1/tasks/${encodeURIComponent(ref)}/exec`;
  const url = target.kind === "unix" ? `ws+unix://${target.path}:${path}` : urlOf(target, path).replace(/^http/, "ws");
  const ws = new WebSocket(url, {
    headers: {
      ...authorization(target),
      host: target.kind === "unix" ? "localhost" : new URL(urlOf(target, "/")).host,
    },
    ...(trust && { ca: trust.ca, servername: trust.serverName }),
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_FRAME_BYTES + 1,
    perMessageDeflate: false,
  });
  return new HttpExec(ws, { target, ref, signOfLifeMs }).started(options);
}

class HttpExec implements ExecStream {
  readonly output: AsyncIterable<Output>;
  readonly exitCode: Promise<number | null>;
  readonly #ws: WebSocket;
  readonly #target: Target;
  readonly #ref: string;
  readonly #queue: OutputQueue;
  readonly #exit = Promise.withResolvers<number | null>();
  readonly #started = Promise.withResolvers<void>();

  constructor(ws: WebSocket, of: { readonly target: Target; readonly ref: string; readonly signOfLifeMs: number }) {
    this.#ws = ws;
    this.#target = of.target;
    this.#ref = of.ref;
    this.#queue = new OutputQueue(patientReader(ws, of.signOfLifeMs));
    this.output = this.#queue;
    this.exitCode = this.#exit.promise;
    // Nobody may be waiting for the code when the session fails.
    this.exitCode.catch(() => undefined);
  }

  async started(options: ExecOptions): Promise<ExecStream> {
    this.#ws.on("open", () => this.#send({ kind: "start", options }));
    this.#ws.on("message", (data, isBinary) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
      if (isBinary)
        this.#queue.push({ stream: bytes[0] === STREAM.stderr ? "stderr" : "stdout", data: bytes.subarray(1) });
      else this.#frame(JSON.parse(bytes.toString()) as ExecServerFrame);
    });
    this.#ws.on("unexpected-response", (_request, response) => void this.#refused(response.statusCode ?? 0));
    this.#ws.on("error", (error) => this.#fail(unreachable(this.#target, error)));
    this.#ws.on("close", () => this.#fail(new ClientError("unavailable", "the connection to the command broke off")));
    await this.#started.promise;
    return this;
  }

  async write(data: Uint8Array): Promise<void> {
    const sent: Promise<void>[] = [];
    for (let at = 0; at < data.length; at += PIECE) {
      sent.push(this.#sendRaw(dataFrame("stdin", data.subarray(at, at + PIECE))));
    }
    await Promise.all(sent);
  }

  closeInput(): void {
    this.#send({ kind: "eof" });
  }

  resize(columns: number, rows: number): void {
    this.#send({ kind: "resize", columns, rows });
  }

  close(): void {
    this.#queue.end();
    this.#ws.close();
  }

  /** The refusal of an upgrade comes without its words. Who may not do it hears them from the same request without the upgrade. */
  async #refused(status: number): Promise<void> {
    const path = `/v1/tasks/${encodeURIComponent(this.#ref)}/exec`;
    const plain = new ClientError("unavailable", `${nameOf(this.#target)} refused the command with status ${status}`);
    const refusal = await send(this.#target, { path }).catch((error: unknown) => error);
    const isAccess = refusal instanceof ClientError && ["forbidden", "unauthorized"].includes(refusal.code);
    this.#fail(isAccess ? refusal : plain);
  }

  #frame(frame: ExecServerFrame): void {
    if (frame.kind === "started") this.#started.resolve();
    else if (frame.kind === "error") this.#fail(new ClientError(frame.code, frame.message, frame.hint));
    else {
      this.#queue.end();
      this.#exit.resolve(frame.code);
    }
  }

  /** The first word counts: what follows an orderly end changes nothing. */
  #fail(error: ClientError): void {
    this.#started.reject(error);
    this.#exit.reject(error);
    this.#queue.end();
    this.#ws.terminate();
  }

  #send(frame: ExecClientFrame): void {
    void this.#sendRaw(JSON.stringify(frame));
  }

  /** Resolves once the socket has taken it, or has ended. */
  #sendRaw(data: string | Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(data, () => resolve());
    else resolve();
    return promise;
  }
}

/** A socket that is not read on, and whose owner is still there to the other side: a pong may come unasked (RFC 6455, 5.5.3). */
function patientReader(ws: WebSocket, signOfLifeMs: number): { pause(): void; resume(): void } {
  let signs: ReturnType<typeof setInterval> | undefined;
  ws.on("close", () => clearInterval(signs));
  return {
    pause: () => {
      ws.pause();
      signs = setInterval(() => {
        if (ws.readyState === ws.OPEN) ws.pong();
      }, signOfLifeMs);
    },
    resume: () => {
      clearInterval(signs);
      ws.resume();
    },
  };
}

/** Output that has arrived and was not read yet. When too much waits the socket is not read on, so the server stops sending. */
class OutputQueue implements AsyncIterable<Output> {
  readonly #source: { pause(): void; resume(): void };
  readonly #waiting: Output[] = [];
  #bytes = 0;
  #paused = false;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(source: { pause(): void; resume(): void }) {
    this.#source = source;
  }

  push(output: Output): void {
    this.#waiting.push(output);
    this.#bytes += output.data.length;
    if (this.#bytes > MAX_WAITING_BYTES && !this.#paused) this.#source.pause();
    this.#paused = this.#bytes > MAX_WAITING_BYTES;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Output> {
    for (;;) {
      yield* this.#waiting.splice(0);
      this.#emptied();
      if (this.#waiting.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #emptied(): void {
    this.#bytes = this.#waiting.reduce((sum, { data }) => sum + data.length, 0);
    if (!this.#paused || this.#bytes > MAX_WAITING_BYTES) return;
    this.#paused = false;
    this.#source.resume();
  }
}
