// Links to nodes elsewhere for tests of what stands in front of them: addresses are dialled in vain, and a node has the link that a test gives it.
import type { NodeLinks, NodePeer } from "../../src/api/ports.ts";
import type { DialledResource } from "../../src/client/resources.ts";
import { fail, ok, type Result } from "../../src/core/failure.ts";

export class FakeNodeLinks implements NodeLinks {
  readonly links = new Map<string, NodePeer>();
  readonly gone: string[] = [];
  #addresses: DialledResource[] = [];
  #tokens = 1;

  joinToken(): string {
    return `cube1.c1.secret${this.#tokens}`;
  }

  renewJoinToken(): Result<string> {
    this.#tokens++;
    return ok(this.joinToken());
  }

  addresses(): readonly string[] {
    return ["10.0.0.1:5555"];
  }

  dial(address: string): Result<DialledResource> {
    if (!address.includes(":")) return fail("invalid", `"${address}" is no HOST:PORT`);
    const made = { address, nodeId: "", linked: false, problem: "nobody listens there", configured: false };
    this.#addresses = [...this.#addresses.filter((each) => each.address !== address), made];
    return ok(made);
  }

  undial(address: string): Result<DialledResource> {
    const found = this.#addresses.find((each) => each.address === address);
    this.#addresses = this.#addresses.filter((each) => each !== found);
    return found ? ok(found) : fail("not_found", `${address} is not dialled`);
  }

  dialled(): readonly DialledResource[] {
    return this.#addresses;
  }

  peer(nodeId: string): NodePeer | null {
    return this.links.get(nodeId) ?? null;
  }

  removed(nodeId: string): void {
    this.gone.push(nodeId);
  }
}
