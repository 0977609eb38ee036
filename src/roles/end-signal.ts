/** The wish to end, as the system tells it. */

/** Resolves with the name of the first signal that asks the process to end. From the call on such signals no longer kill it. */
export function endSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, () => resolve(name));
  });
}
