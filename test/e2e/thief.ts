// Somebody with a copy of a worker's key and all the program's knowledge, on a machine of the network: speaks the real protocol, and says in it what it likes.

import type { Identity } from "../../src/transport/identity.ts";
import { proofOf } from "../../src/transport/join-token.ts";
import { helloOf } from "../transport/links-bed.ts";
import { type RawPeer, rawPeer, workerOpen } from "../transport/raw-peer.ts";
import type { Machine } from "./namespaces.ts";
import { Passage } from "./passage.ts";
import { until } from "./until.ts";

/** What a thief says that its machine is. */
export interface Pose {
  readonly machineId: string;
  readonly processId: string;
}

const BEAT_MS = 500;

/** One machine from which links with any key can be opened. */
export class Thief implements AsyncDisposable {
  readonly #way: Passage;
  readonly #opened: AsyncDisposableStack;

  private constructor(way: Passage, opened: AsyncDisposableStack) {
    this.#way = way;
    this.#opened = opened;
  }

  /** On a machine; `address` is whom it speaks to. */
  static async on(machine: Machine, address: string): Promise<Thief> {
    const opened = new AsyncDisposableStack();
    return new Thief(opened.use(await Passage.from(machine, address)), opened);
  }

  /** An open socket of a path, on which nothing has been said. Comes again while it is hung up on for coming too often. */
  async open(identity: Identity, path = "/cube/link"): Promise<RawPeer> {
    return this.#opened.use(await until("a socket is open", () => rawPeer(this.#way.port, identity, path)));
  }

  /** Greets as a worker; what it is told first, after the greeting. */
  async greet(identity: Identity, pose: Pose): Promise<{ readonly peer: RawPeer; readonly answer: string }> {
    const peer = await this.open(identity);
    await peer.told("open");
    peer.say(workerOpen(undefined, pose));
    await until("an answer", () => peer.heard.length > 1 || peer.closed);
    return { peer, answer: `${peer.heard[1]?.kind}: ${peer.heard[1]?.reason ?? ""}` };
  }

  /** Greets with a proof. What was said can be said again. */
  async join(
    identity: Identity,
    secret: string,
  ): Promise<{ readonly said: readonly unknown[]; readonly peer: RawPeer }> {
    const peer = await this.open(identity);
    const { nonce, manager } = (await peer.told("open")) as { nonce: string; manager: { clusterId: string } };
    const workerNonce = "5".repeat(64);
    const subject = { clusterId: manager.clusterId, nodeId: identity.id, managerNonce: nonce, workerNonce };
    const said = [workerOpen(workerNonce), { kind: "proof", mac: proofOf(secret, subject) }];
    for (const frame of said) peer.say(frame);
    return { said, peer };
  }

  /** Says word for word what was said before; how that ends. */
  async repeat(identity: Identity, said: readonly unknown[]): Promise<string> {
    const peer = await this.open(identity);
    await peer.told("open");
    for (const frame of said) peer.say(frame);
    return String((await peer.told("refused")).reason);
  }

  /** Comes in, and claims to be another node than its key is of; what it was told until it was hung up on. */
  async poseAs(identity: Identity, pose: Pose, nodeId: string): Promise<unknown[]> {
    const { peer } = await this.greet(identity, pose);
    peer.say(helloOf({ id: nodeId, machineId: pose.machineId }));
    await until("it is hung up on", () => peer.closed);
    return peer.heard.map(({ kind }) => kind);
  }

  /** Comes in as the node of the key, and lives on until it is disposed of. */
  async comeIn(identity: Identity, pose: Pose, name: string): Promise<RawPeer> {
    const { peer, answer } = await this.greet(identity, pose);
    if (!answer.startsWith("joined")) throw new Error(answer);
    peer.say(helloOf({ id: identity.id, name, machineId: pose.machineId }));
    const beat = setInterval(() => peer.say({ kind: "heartbeat", metrics: null, progress: [] }), BEAT_MS);
    this.#opened.defer(() => clearInterval(beat));
    await peer.told("assignments");
    return peer;
  }

  /** A request to the API with this key as the client's certificate; its status. */
  async request(identity: Identity, path: string, init: RequestInit = {}): Promise<number> {
    const tls = { cert: identity.certPem, key: identity.keyPem, rejectUnauthorized: false };
    const url = `https://127.0.0.1:${this.#way.port}${path}`;
    return until("it is answered", async () => (await fetch(url, { ...init, tls })).status);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}
