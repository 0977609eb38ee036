/** Figures and times as the commands print them. Pure: the present is an argument. */

/** Time since, in Docker's words (go-units' HumanDuration), such as `2 minutes ago`. */
export function ago(sinceMs: number, nowMs: number): string {
  return sinceMs <= 0 ? "never" : `${inWords(Math.max(0, nowMs - sinceMs))} ago`;
}

/** The same within a sentence: `about a minute ago`. */
export function agoWithin(sinceMs: number, nowMs: number): string {
  return lowerFirst(ago(sinceMs, nowMs));
}

/** How long since, within a sentence: `for about a minute`; `since ever` where the start is not known. */
export function lasting(sinceMs: number, nowMs: number): string {
  return sinceMs <= 0 ? "since ever" : `for ${lowerFirst(inWords(Math.max(0, nowMs - sinceMs)))}`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function inWords(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** Bytes as whole MiB. */
export function mebibytes(bytes: number): string {
  return String(Math.round(bytes / 2 ** 20));
}

/** Bytes as whole GiB. */
export function gibibytes(bytes: number): string {
  return String(Math.round(bytes / 2 ** 30));
}

/** A score with at most six significant digits, so that sums of its parts can be followed. */
export function score(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** `2026-11-20T08:00:00.000Z`: a fixed width and one time zone, for log lines. */
export function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Local time of day, `hh:mm:ss`. */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
