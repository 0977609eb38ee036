/** Which addresses only this machine can reach. Plain HTTP, and with it a token in clear, never goes anywhere else. Pure. */

/** True for `localhost` and the loopback addresses, also as IPv4 within IPv6. */
export function isLoopback(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/^::ffff:/, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}
