// Who sits on the way: a machine in the middle that ends TLS with a key of its own, and a relay that may hold back what it should pass on.
// Both stand at a port of a machine and lead on to an address.
import type { Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { Identity } from "../../src/transport/identity.ts";
import type { Machine } from "./namespaces.ts";
import { Outpost, Passage } from "./passage.ts";

/** Where on a network something stands, and what address it leads to. */
interface Place {
  readonly machine: Machine;
  readonly port: number;
  /** HOST:PORT. */
  readonly to: string;
}

/** What one side has said over one connection. */
export interface Said {
  readonly by: "dialler" | "dialled";
  bytes: Buffer;
}

/** Shows its own key to both sides, passes on all that they say, and reads it. */
export class MachineInTheMiddle implements AsyncDisposable {
  readonly said: Said[] = [];
  /** Connections that came. */
  visits = 0;
  readonly #opened = new AsyncDisposableStack();

  private constructor() {}

  static async at(place: Place, identity: Identity): Promise<MachineInTheMiddle> {
    const middle = new MachineInTheMiddle();
    const way = middle.#opened.use(await Passage.from(place.machine, place.to));
    const keys = {
      key: identity.keyPem,
      cert: identity.certPem,
      minVersion: "TLSv1.3",
      rejectUnauthorized: false,
    } as const;
    const tls = createTlsServer({ ...keys, requestCert: true }, (near) => {
      const far = connectTls({ ...keys, socket: way.connect(), servername: "cube" });
      middle.#overhear(near, far, "dialler");
      middle.#overhear(far, near, "dialled");
    });
    tls.on("tlsClientError", (_error, socket) => socket.destroy());
    const visit = (socket: Socket): void => {
      middle.visits++;
      socket.on("error", () => undefined);
      tls.emit("connection", socket);
    };
    middle.#opened.use(await Outpost.at(place.machine, place.port, visit));
    return middle;
  }

  /** WebSocket messages of one side, of all connections. */
  messages(by: Said["by"]): Record<string, unknown>[] {
    return this.said.filter((each) => each.by === by).flatMap(({ bytes }) => messagesOf(bytes));
  }

  #overhear(from: TLSSocket, to: TLSSocket, by: Said["by"]): void {
    const said: Said = { by, bytes: Buffer.alloc(0) };
    from.on("data", (data: Buffer) => {
      if (said.bytes.length === 0) this.said.push(said);
      said.bytes = Buffer.concat([said.bytes, data]);
      to.write(data);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

/** Directions of a relay: to the address that it leads to, back from there, or both. */
export type Direction = "onward" | "back" | "both";

/** Passes everything on, or keeps it for later; closes nothing by itself. */
export class StallingRelay implements AsyncDisposable {
  readonly #held: (() => void)[] = [];
  #stalled: Direction | null = null;
  readonly #opened = new AsyncDisposableStack();

  private constructor() {}

  static async at(place: Place): Promise<StallingRelay> {
    const relay = new StallingRelay();
    const way = relay.#opened.use(await Passage.from(place.machine, place.to));
    const visit = (near: Socket): void => {
      const far = way.connect();
      relay.#pass(near, far, "onward");
      relay.#pass(far, near, "back");
    };
    relay.#opened.use(await Outpost.at(place.machine, place.port, visit));
    return relay;
  }

  /** From now on nothing goes that way: no byte and no end of a connection, of new connections too. */
  stall(way: Direction): void {
    this.#stalled = way;
  }

  /** All that was held goes on, late, to whoever still listens; gives how much that was. */
  resume(): number {
    this.#stalled = null;
    const held = this.#held.splice(0);
    for (const act of held) act();
    return held.length;
  }

  #pass(from: Socket, to: Socket, way: Direction): void {
    from.on("data", (data: Buffer) => this.#do(way, () => to.write(data)));
    from.on("error", () => undefined);
    from.on("close", () => this.#do(way, () => to.destroy()));
  }

  #do(way: Direction, act: () => void): void {
    if (this.#stalled === way || this.#stalled === "both") this.#held.push(act);
    else act();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

const HEADERS_END = "\r\n\r\n";
const TEXT_FRAME = 1;

/** The text messages after an upgrade to WebSocket, masked (RFC 6455, 5.2) or not; none when there was no upgrade. */
function messagesOf(bytes: Buffer): Record<string, unknown>[] {
  const messages: Record<string, unknown>[] = [];
  const start = bytes.indexOf(HEADERS_END);
  for (let at = start + HEADERS_END.length; start >= 0 && at + 2 <= bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at);
    at += 2;
    let length = second & 0x7f;
    if (length === 126) length = bytes.readUInt16BE(at);
    else if (length === 127) length = Number(bytes.readBigUInt64BE(at));
    at += (second & 0x7f) < 126 ? 0 : (second & 0x7f) === 126 ? 2 : 8;
    const mask = (second & 0x80) === 0 ? null : bytes.subarray(at, at + 4);
    at += mask ? 4 : 0;
    const content = bytes.subarray(at, at + length).map((byte, index) => byte ^ (mask?.[index % 4] ?? 0));
    if ((first & 0x0f) === TEXT_FRAME) messages.push(JSON.parse(content.toString()) as Record<string, unknown>);
    at += length;
  }
  return messages;
}
