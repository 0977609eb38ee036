/**
 * The named tokens as the door sees them: a mirror of the durable ones, so that a request is judged at once, and the connections that each has opened, so that a
 * revoked one is out at once. It holds digests only.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import type { AccessToken } from "../core/access.ts";
import type { Cluster } from "../core/cluster.ts";
import type { ManagerAccess } from "../manager/commands.ts";

interface Known {
  readonly token: AccessToken;
  readonly digest: Buffer;
  readonly sockets: Set<Duplex>;
  /** Wall clock, ms since 1970; 0 for not yet. */
  usedMs: number;
}

const DIGEST_BYTES = 32;

/** The digest under which a secret is kept. */
export function digestOf(secret: string): string {
  return sha256(secret).toString("base64url");
}

/** Follows the manager until disposed. */
export class TokenList implements Disposable {
  readonly #access: ManagerAccess;
  readonly #known = new Map<string, Known>();
  readonly #subscription: Disposable;

  /** Resolves once it knows every token. */
  static async open(access: ManagerAccess): Promise<TokenList> {
    const list = new TokenList(access);
    await list.#reload();
    return list;
  }

  constructor(access: ManagerAccess) {
    this.#access = access;
    this.#subscription = access.subscribe((news) => {
      if (news.kind === "reloaded") void this.#reload().catch(() => undefined);
      if (news.kind !== "committed") return;
      if (news.changes.some(({ change }) => change.kind === "access.put" || change.kind === "access.remove"))
        this.#follow(news.cluster);
    });
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  /** The token of a secret. Takes the same time whichever it is. */
  find(secret: string): AccessToken | undefined {
    const digest = sha256(secret);
    let found: AccessToken | undefined;
    for (const known of this.#known.values()) if (timingSafeEqual(known.digest, digest)) found = known.token;
    return found;
  }

  /** Notes a use. The connection ends with the token. */
  used(name: string, socket: Duplex, nowMs: number): void {
    const known = this.#known.get(name);
    if (!known) return;
    known.usedMs = nowMs;
    if (known.sockets.has(socket)) return;
    known.sockets.add(socket);
    socket.once("close", () => known.sockets.delete(socket));
  }

  /** When it was last used since this process began, ms since 1970; 0 for not at all. */
  usedMs(name: string): number {
    return this.#known.get(name)?.usedMs ?? 0;
  }

  async #reload(): Promise<void> {
    this.#follow(await this.#access.read());
  }

  #follow({ tokens }: Cluster): void {
    for (const [name, known] of this.#known) {
      if (tokens.get(name)?.hash === known.token.hash) continue;
      this.#known.delete(name);
      for (const socket of known.sockets) socket.destroy();
    }
    for (const token of tokens.values()) {
      const digest = Buffer.from(token.hash, "base64url");
      if (this.#known.has(token.name) || digest.length !== DIGEST_BYTES) continue;
      this.#known.set(token.name, { token, digest, sockets: new Set(), usedMs: 0 });
    }
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
