/** Host and port: reading them, writing them, and telling which of them only this machine can reach. Plain HTTP, and with it a token in clear, never goes anywhere else. Pure. */
import { fail, ok, type Result } from "./failure.ts";

/** A host name or address, without brackets, and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a manager's API and its links are when no port is named: the book's port. */
export const MANAGER_PORT = 5555;

/** Where a worker waits for its manager when no port is named: the book's port. */
export const WORKER_PORT = 5556;

/** HOST:PORT as people write it, [HOST]:PORT for IPv6. */
export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads HOST:PORT or [HOST]:PORT; the port may be left out. Fails with `invalid`. */
export function parseAddress(text: string, defaultPort: number): Result<Address> {
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) return fail("invalid", `"${text}" is no HOST:PORT`);
  return ok({ host, port });
}

/** True for `localhost` and the loopback addresses, also as IPv4 within IPv6. */
export function isLoopback(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/^::ffff:/, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}
