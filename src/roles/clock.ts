/** The machine's clocks, as the hosts hand them to their machines. */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import type { Time } from "../core/time.ts";

/** Reads monotonic and wall clock together. The monotonic one stands still while the machine sleeps. */
export function systemClock(): { now(): Time } {
  const bootId = readBootId();
  return { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId }) };
}

/** Linux names each boot; elsewhere the minute of the boot has to do. */
function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `boot-${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
