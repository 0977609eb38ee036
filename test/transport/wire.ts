// What may happen on the way: a relay that records, stops or cuts, and a machine in the middle with a key of its own.
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Identity } from "../../src/transport/identity.ts";

/** A relay of TCP to a port on loopback. */
export class Relay implements Disposable {
  /** Every byte that has passed, both ways. */
  readonly passed: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #stalled = false;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => this.#sockets.delete(socket));
      }
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  async listen(): Promise<number> {
    return listening(this.#server);
  }

  /** From now on nothing passes, and nothing is closed: a black hole. */
  stall(): void {
    this.#stalled = true;
  }

  /** Cuts what is open; new connections pass. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(from: Socket, to: Socket): void {
    from.on("data", (data: Buffer) => {
      if (this.#stalled) return;
      this.passed.push(data);
      to.write(data);
    });
    from.on("close", () => {
      if (!this.#stalled) to.destroy();
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A TLS server with another key than the expected, which notes every byte that it is told. */
export class Impostor implements Disposable {
  readonly told: Buffer[] = [];
  handshakes = 0;
  readonly #server: ReturnType<typeof createTlsServer>;

  constructor(as: Identity) {
    const options = { key: as.keyPem, cert: as.certPem, requestCert: true, rejectUnauthorized: false } as const;
    this.#server = createTlsServer({ ...options, minVersion: "TLSv1.3" }, (socket) => {
      this.handshakes++;
      socket.on("error", () => undefined);
      socket.on("data", (data: Buffer) => this.told.push(data));
    });
    // One that hangs up at the sight of the key.
    this.#server.on("tlsClientError", () => this.handshakes++);
  }

  async listen(): Promise<number> {
    return listening(this.#server);
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

/** Listens on loopback; gives the port. */
export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return (server.address() as AddressInfo).port;
}
