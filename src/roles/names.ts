/** Names that people know this machine and its user by. */
import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";

/** The machine's host name, without its domain. */
export function hostName(): string {
  return hostname().split(".")[0] || "localhost";
}

/** The user's login name as the system knows it, whatever the environment says; the number where the system knows no name. */
export function userName(): string {
  const { uid, username } = userInfo();
  // Bun's username is $USER, or "unknown" without it.
  return loginName(readUsers(), uid) ?? macName(username) ?? String(uid);
}

/** The login name of a number in the text of /etc/passwd; undefined where it is not there. Pure. */
export function loginName(passwd: string, uid: number): string | undefined {
  const entry = passwd.split("\n").find((line) => line.split(":")[2] === String(uid));
  return entry?.split(":")[0] || undefined;
}

function readUsers(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

/** A Mac keeps its people in a directory service: /etc/passwd has the system's own users only. */
function macName(username: string): string | undefined {
  return process.platform === "darwin" && username !== "unknown" ? username : undefined;
}
