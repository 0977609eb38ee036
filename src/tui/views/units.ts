/** Figures as people read them: sizes, shares of cores, ages, scores. Pure, and short enough for a column. */

const KIB = 1024;

/** Bytes in binary units with at most three digits: `512 MiB`, `1.5 GiB`; `-` for none. */
export function bytes(value: number): string {
  if (value <= 0) return "-";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= KIB;
    unit++;
  }
  return `${digits(scaled)} ${units[unit]}`;
}

/** Bytes for a narrow column: `512M`, `1.5G`. */
export function shortBytes(value: number): string {
  return bytes(value).replace(/ (.)?.*$/, "$1");
}

const digits = (value: number): string =>
  value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);

/** Thousandths of a core as cores: `0.25`, `4`. */
export function cores(millis: number): string {
  return (millis / 1000).toFixed(millis % 1000 === 0 ? 0 : 2);
}

/** The same with two digits whatever it is, for a column. */
export function coresAligned(millis: number): string {
  return (millis / 1000).toFixed(2);
}

/** Time since, in its largest unit: `12s`, `5m`, `3h`, `2d`; `-` for no time at all. */
export function age(sinceMs: number, nowMs: number): string {
  if (sinceMs <= 0) return "-";
  return duration(Math.max(0, nowMs - sinceMs));
}

/** A span of time in its largest unit. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Time of day in UTC, `hh:mm:ss`: the pure set knows no time zone. */
export function clock(atMs: number): string {
  const second = Math.floor(atMs / 1000) % 86_400;
  return [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** A score with so many significant digits. */
export function score(value: number, significant = 4): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const outside = size >= 100_000 || size < 0.001;
  return outside ? value.toExponential(2) : String(Number(value.toPrecision(significant)));
}

/** A command as one could type it: words with blanks or signs of the shell in quotes. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/** A share of 0 to 100 as a bar of cells. */
export function bar(percent: number, cells: number, unicode: boolean): string {
  const full = Math.round((Math.max(0, Math.min(100, percent)) / 100) * cells);
  const [on, off] = unicode ? ["█", "░"] : ["#", "-"];
  return on.repeat(full) + off.repeat(Math.max(0, cells - full));
}
