/** Sizes, cores and times as people write them, read into integers: bytes, thousandths of a core, milliseconds. Pure; undefined means that it cannot be. */

const KIB = 1024;
const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: KIB,
  m: KIB ** 2,
  g: KIB ** 3,
  t: KIB ** 4,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Bytes of `512m`, `1g`, `1.5GiB`, or of a number of bytes. Units are of 1024, as in Docker. */
export function parseSize(size: string | number): number | undefined {
  if (typeof size === "number") return safe(size);
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([bkmgt]?)(?:i?b)?$/i.exec(size.trim());
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? "none"];
  if (!match || unit === undefined) return undefined;
  return safe(Math.round(Number(match[1]) * unit));
}

/** Milliseconds of `10s`, `1m30s`, `500ms`, or of a number of milliseconds. */
export function parseDuration(duration: string | number): number | undefined {
  if (typeof duration === "number") return safe(duration);
  const text = duration.trim();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    ms += Number(count) * (DURATION_UNITS[unit ?? ""] ?? 0);
  return safe(Math.round(ms));
}

/** Thousandths of a core of a number of cores such as 0.5. Above 0 and below a thousandth is undefined: it would mean no limit. */
export function parseCpus(cpus: string | number): number | undefined {
  const cores = typeof cpus === "number" ? cpus : /^(\d+(\.\d+)?|\.\d+)$/.test(cpus.trim()) ? Number(cpus) : Number.NaN;
  const millis = safe(Math.round(cores * 1_000));
  return millis === 0 && cores !== 0 ? undefined : millis;
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
