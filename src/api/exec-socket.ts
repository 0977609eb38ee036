/** Commands in tasks over WebSocket: /v1/tasks/{ref}/exec on the API's own listeners, behind the same guard as every request. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import type { ClusterClient, ExecStream } from "../client/cluster-client.ts";
import { ClientError } from "../client/cluster-client.ts";
import {
  dataFrame,
  type ExecClientFrame,
  type ExecServerFrame,
  MAX_FRAME_BYTES,
  STREAM,
} from "../client/exec-frames.ts";
import { execFrameSchema } from "../client/exec-schema.ts";
import { parse } from "../client/schemas.ts";
import { asClientError, errorBody, statusOf } from "./http-errors.ts";
import { parseJson } from "./json.ts";
import type { ApiLog } from "./ports.ts";

/** Bytes that may wait for the client before the command's output is no longer read. */
const MAX_WAITING_BYTES = 1 << 20;
const DRAIN_CHECK_MS = 20;
const START_TIMEOUT_MS = 10_000;
const PING_MS = 20_000;
const MAX_SESSIONS = 64;

/** What stands behind it. */
export interface ExecService {
  /** Throws ClientError for a request that may not come in. Every command is in the log with its actor. */
  readonly admit: (request: IncomingMessage) => { readonly client: ClusterClient; readonly actor: string };
  readonly log: ApiLog;
}

/** Serves upgrades of `http` until closed. */
export function serveExec(http: Server, service: ExecService): { close(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  const open = new Set<WebSocket>();
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined);
    try {
      const { client, actor } = service.admit(request);
      const ref = refOf(request);
      if (open.size >= MAX_SESSIONS)
        throw new ClientError(
          "unavailable",
          `${MAX_SESSIONS} commands are running in tasks already`,
          "end one of them",
        );
      sockets.handleUpgrade(request, socket, head, (ws) => {
        open.add(ws);
        ws.on("close", () => open.delete(ws));
        new ExecConnection(ws, { client, actor, log: service.log }, ref).listen();
      });
    } catch (error) {
      refuseUpgrade(socket, asClientError(error));
    }
  });
  return {
    close: () => {
      for (const ws of open) ws.terminate();
    },
  };
}

interface Session {
  readonly client: ClusterClient;
  readonly actor: string;
  readonly log: ApiLog;
}

class ExecConnection {
  readonly #ws: WebSocket;
  readonly #service: Session;
  readonly #ref: string;
  #session: ExecStream | undefined;
  #starting = false;
  #alive = true;
  /** Pieces of input that the command has not taken yet. */
  #writing = 0;

  constructor(ws: WebSocket, service: Session, ref: string) {
    this.#ws = ws;
    this.#service = service;
    this.#ref = ref;
  }

  listen(): void {
    const late = setTimeout(() => this.#fail(new ClientError("timeout", "no start frame came")), START_TIMEOUT_MS);
    const ping = setInterval(() => this.#ping(), PING_MS);
    this.#ws.on("pong", () => {
      this.#alive = true;
    });
    this.#ws.on("error", () => undefined);
    this.#ws.on("close", () => {
      clearTimeout(late);
      clearInterval(ping);
      this.#session?.close();
    });
    this.#ws.on("message", (data, isBinary) => {
      clearTimeout(late);
      this.#alive = true;
      try {
        if (isBinary) this.#input(bytes(data));
        else this.#frame(parse(execFrameSchema, parseJson(bytes(data).toString())));
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #input(data: Buffer): void {
    if (data[0] !== STREAM.stdin) throw new ClientError("invalid", "a binary frame of the client begins with 0");
    if (this.#session) void this.#pass(this.#session, data.subarray(1));
  }

  /** Not reading on is what tells the client to wait for a command that does not read. */
  async #pass(session: ExecStream, data: Uint8Array): Promise<void> {
    this.#writing++;
    this.#ws.pause();
    await session.write(data);
    this.#writing--;
    if (this.#writing === 0) this.#ws.resume();
  }

  #frame(frame: ExecClientFrame): void {
    if (frame.kind === "start") void this.#start(frame.options);
    else if (frame.kind === "eof") this.#session?.closeInput();
    else this.#session?.resize(frame.columns, frame.rows);
  }

  async #start(options: Extract<ExecClientFrame, { kind: "start" }>["options"]): Promise<void> {
    if (this.#starting) return this.#fail(new ClientError("invalid", "the command was started before"));
    this.#starting = true;
    try {
      const { client, actor, log } = this.#service;
      const session = await client.exec(this.#ref, options);
      log("info", `${actor} runs a command in ${JSON.stringify(this.#ref)}: ${JSON.stringify(options.command)}`);
      if (this.#ws.readyState !== this.#ws.OPEN) return session.close();
      this.#session = session;
      this.#send({ kind: "started" });
      for await (const { stream, data } of session.output) await this.#output(stream, data);
      this.#send({ kind: "exit", code: await session.exitCode });
      this.#ws.close(1000);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #output(stream: "stdout" | "stderr", data: Uint8Array): Promise<void> {
    const most = MAX_FRAME_BYTES - 1;
    for (let at = 0; at < data.length; at += most) this.#ws.send(dataFrame(stream, data.subarray(at, at + most)));
    while (this.#ws.bufferedAmount > MAX_WAITING_BYTES && this.#ws.readyState === this.#ws.OPEN) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
    }
  }

  #send(frame: ExecServerFrame): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(JSON.stringify(frame));
  }

  #fail(thrown: unknown): void {
    this.#send({ kind: "error", ...errorBody(asClientError(thrown)).error });
    this.#ws.close(1011);
  }

  /** A client that vanished without a word must not keep a shell open. While it has to wait, its answers are not read; where it is gone, the ping itself fails. */
  #ping(): void {
    if (!this.#alive && this.#writing === 0) {
      this.#ws.terminate();
      return;
    }
    this.#alive = false;
    this.#ws.ping();
  }
}

function refOf(request: IncomingMessage): string {
  const match = /^\/v1\/tasks\/([^/?]+)\/exec$/.exec((request.url ?? "").split("?")[0] ?? "");
  if (match?.[1]) return decode(match[1]);
  throw new ClientError("not_found", "no such path for a WebSocket", "it is /v1/tasks/{ref}/exec");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new ClientError("invalid", "the path is not valid percent-encoding", "", error);
  }
}

function refuseUpgrade(socket: Duplex, error: ClientError): void {
  const body = JSON.stringify(errorBody(error));
  socket.end(
    `HTTP/1.1 ${statusOf(error)} Refused\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function bytes(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
