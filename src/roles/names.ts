/** Names that people know this machine and its user by. */
import { hostname } from "node:os";

/** The machine's host name, without its domain. */
export function hostName(): string {
  return hostname().split(".")[0] || "localhost";
}
