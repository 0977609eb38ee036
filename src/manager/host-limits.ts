/** How long a manager's host waits: said once, because the simulator's host has to keep the same rules. */

/** First wait before the store is opened again after a failure, ms; doubles up to the maximum. */
export const RECOVERY_DELAY_MS = 500;
export const MAX_RECOVERY_DELAY_MS = 10_000;
/** Timers take no more than 31 bits. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** How long workers are waited for in an adoption, ms. */
export const ADOPTION_WAIT_MS = 10_000;
