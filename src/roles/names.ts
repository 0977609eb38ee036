/** Names that people know this machine and its user by. */
import { hostname, userInfo } from "node:os";

/** The machine's host name, without its domain. */
export function hostName(): string {
  return hostname().split(".")[0] || "localhost";
}

/** The user's login name; the number where the system knows no name. */
export function userName(): string {
  const { username, uid } = userInfo();
  return username === "" || username === "unknown" ? (process.env.USER ?? String(uid)) : username;
}
