// A peer that says what a test wants it to say: TLS with a key of its own, the upgrade, and then any frames.
import type { WebSocket } from "ws";
import { dial } from "../../src/transport/dial.ts";
import type { Identity } from "../../src/transport/identity.ts";
import { until } from "./links-bed.ts";

/** An open link without a session behind it. */
export class RawPeer implements Disposable {
  readonly heard: Record<string, unknown>[] = [];
  readonly ws: WebSocket;
  closed = false;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("error", () => undefined);
    ws.on("close", () => {
      this.closed = true;
    });
    ws.on("message", (data) => this.heard.push(JSON.parse(String(data))));
  }

  say(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The first frame of a kind. */
  async told(kind: string): Promise<Record<string, unknown>> {
    await until(`a frame "${kind}"`, () => this.heard.some((frame) => frame.kind === kind));
    return this.heard.find((frame) => frame.kind === kind) ?? {};
  }

  [Symbol.dispose](): void {
    this.ws.terminate();
  }
}

/** Dials a link on loopback. */
export function rawPeer(port: number, identity: Identity, path = "/cube/link"): Promise<RawPeer> {
  return new Promise((resolve, reject) =>
    dial(
      { host: "127.0.0.1", port, path },
      { identity, pin: null },
      { onOpen: (ws) => resolve(new RawPeer(ws)), onFailed: (failure) => reject(new Error(failure.message)) },
    ),
  );
}

/** A worker's greeting. */
export function workerOpen(nonce = "0".repeat(64), traits: { machineId?: string; processId?: string } = {}): unknown {
  const protocol = { min: 1, max: 1 };
  return { kind: "open", from: "worker", protocol, nonce, machineId: "machine-1", processId: "p1", ...traits };
}
