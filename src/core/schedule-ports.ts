/** The host ports in use on one node: what keeps two tasks from binding the same one. */
import type { HostPort } from "./schedule-input.ts";

/** The host ports taken on one node. Counted, since recovered tasks may share one that they should not. */
export class PortBook {
  readonly #addresses = new Map<number, string[]>();

  /** True when the port is taken on that address, on all of them, or on any when all are wanted. */
  isTaken(wanted: HostPort): boolean {
    const taken = this.#addresses.get(portKey(wanted));
    if (taken === undefined) return false;
    const address = normalAddress(wanted.hostIp);
    return address === "" || taken.includes(address) || taken.includes("");
  }

  take(port: HostPort): void {
    const key = portKey(port);
    const taken = this.#addresses.get(key);
    if (taken === undefined) this.#addresses.set(key, [normalAddress(port.hostIp)]);
    else taken.push(normalAddress(port.hostIp));
  }

  /** Undoes one `take` of the same port. */
  free(port: HostPort): void {
    const key = portKey(port);
    const taken = this.#addresses.get(key);
    const index = taken?.indexOf(normalAddress(port.hostIp)) ?? -1;
    if (taken === undefined || index < 0) return;
    taken.splice(index, 1);
    if (taken.length === 0) this.#addresses.delete(key);
  }
}

function portKey(port: HostPort): number {
  return port.port * 2 + (port.protocol === "udp" ? 1 : 0);
}

/** All addresses have one name. IPv4's and IPv6's are not told apart: refusing too much is safe. */
function normalAddress(hostIp: string): string {
  return hostIp === "0.0.0.0" || hostIp === "::" || hostIp === "[::]" ? "" : hostIp;
}
