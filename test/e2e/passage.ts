// Ways between this process and the machines of a network of namespaces: a process lives in one namespace only, so a test that wants to speak, or be spoken to,
// on another machine goes through a unix socket with socat at its other end. Needs socat (Debian).
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Machine } from "./namespaces.ts";
import { until } from "./until.ts";

/** A socat on a machine, with a folder for its socket. */
class Pipe implements AsyncDisposable {
  readonly socket: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "cube-pipe-"));
  #child: Bun.Subprocess | undefined;

  constructor() {
    this.socket = join(this.#folder, "sock");
  }

  lay(machine: Machine, from: string, to: string): void {
    this.#child = Bun.spawn([...machine.enter, "socat", from, to], { stdio: ["ignore", "ignore", "ignore"] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** From here to an address, as it is seen from a machine: whoever is dialled sees that machine. */
export class Passage implements AsyncDisposable {
  /** On loopback here: connections to it come out there. */
  readonly port: number;
  readonly #pipe: Pipe;
  readonly #server: Server;

  private constructor(pipe: Pipe, server: Server) {
    this.#pipe = pipe;
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** `address`: HOST:PORT. */
  static async from(machine: Machine, address: string): Promise<Passage> {
    const pipe = new Pipe();
    pipe.lay(machine, `UNIX-LISTEN:${pipe.socket},fork,backlog=64`, `TCP:${address},nodelay`);
    const server = createServer((near) => joinSockets(near, connect({ path: pipe.socket })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    await until("the passage is open", () => answers(() => connect({ path: pipe.socket })));
    return new Passage(pipe, server);
  }

  /** One connection. */
  connect(): Socket {
    return connect({ path: this.#pipe.socket });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await this.#pipe[Symbol.asyncDispose]();
  }
}

/** A port of a machine whose connections come here. */
export class Outpost implements AsyncDisposable {
  readonly #pipe: Pipe;
  readonly #server: Server;

  private constructor(pipe: Pipe, server: Server) {
    this.#pipe = pipe;
    this.#server = server;
  }

  static async at(machine: Machine, port: number, onSocket: (socket: Socket) => void): Promise<Outpost> {
    const pipe = new Pipe();
    const server = createServer(onSocket);
    await new Promise<void>((resolve) => server.listen(pipe.socket, () => resolve()));
    pipe.lay(machine, `TCP-LISTEN:${port},fork,reuseaddr,nodelay,backlog=64`, `UNIX-CONNECT:${pipe.socket}`);
    await until("the outpost listens", () => machine.listens(port));
    return new Outpost(pipe, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await this.#pipe[Symbol.asyncDispose]();
  }
}

/** All that one says goes to the other, and the end of one is the end of the other. */
function joinSockets(near: Socket, far: Socket): void {
  pass(near, far);
  pass(far, near);
}

function pass(from: Socket, to: Socket): void {
  from.on("data", (data: Buffer) => to.write(data));
  from.on("error", () => undefined);
  from.on("close", () => to.destroy());
}

function answers(dial: () => Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial();
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
