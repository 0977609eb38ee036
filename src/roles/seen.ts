/** What was last seen of each cluster on this screen, in a file: so that the next look can sum up what happened meanwhile. Losing it loses one line. */
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { readSecret, replaceFile } from "../transport/secret-file.ts";
import type { Seen } from "../tui/state/ui.ts";

/** Clusters remembered; the oldest go first. */
const KEPT = 100;

/** By cluster id; empty where there is nothing, or nothing that can be read. */
export function readSeen(config: Config): Map<string, Seen> {
  const read = readSecret(fileOf(config));
  const lines = read.ok ? (read.value ?? "").split("\n") : [];
  return new Map(
    lines.flatMap((line) => {
      const [clusterId = "", revision, atMs] = line.split(" ");
      const seen = { revision: Number(revision), atMs: Number(atMs) };
      const whole = clusterId !== "" && Number.isSafeInteger(seen.revision) && Number.isSafeInteger(seen.atMs);
      return whole ? [[clusterId, seen] as const] : [];
    }),
  );
}

/** Remembers what was seen now. Throws nothing: a full disk costs one line at the next look. */
export function writeSeen(
  config: Config,
  { clusterId, last }: { readonly clusterId: string; readonly last: Seen },
): void {
  const all = readSeen(config);
  all.delete(clusterId);
  all.set(clusterId, last);
  const lines = [...all].slice(-KEPT).map(([id, { revision, atMs }]) => `${id} ${revision} ${atMs}\n`);
  try {
    replaceFile(fileOf(config), lines.join(""));
  } catch {
    // See above.
  }
}

function fileOf(config: Config): string {
  return join(config.dirs.state, "seen");
}
