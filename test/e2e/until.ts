// Waiting for a condition, the only way in which these tests wait. A condition that may throw while something is down is just not met yet.

/** Longest wait, in milliseconds: a test on a busy machine must not fail for its slowness. */
const PATIENCE_MS = 20_000;
const ASK_AGAIN_MS = 40;

/** Asks until the answer is neither undefined nor false, and gives it; fails with the last error and what `onFailure` adds. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  options: { readonly limitMs?: number; readonly onFailure?: () => string } = {},
): Promise<T> {
  const deadline = performance.now() + (options.limitMs ?? PATIENCE_MS);
  let problem = "";
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      problem = String(error);
    }
    await Bun.sleep(ASK_AGAIN_MS);
  }
  throw new Error(`never came true: ${what}\n${problem}\n${options.onFailure?.() ?? ""}`);
}

/** A TCP port that nothing listens on now. */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
