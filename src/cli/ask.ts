/** Questions to whoever sits at the terminal. Nobody is asked through a pipe: a script answers by flags and variables. */
import { type CliIo, Ended } from "./io.ts";

/** Both ends of a conversation are there. */
export function isConversation(io: CliIo): boolean {
  return io.stdin.isTTY && io.stderr.isTTY;
}

/** A line as it was typed, without its end; `hidden` shows nothing of it. Rejects with Ended on Ctrl+C, the end of the input, or an abort. */
export async function askLine(
  io: CliIo,
  question: string,
  options: { readonly hidden?: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { hidden = false, signal } = options;
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const line = new TypedLine(resolve, () => reject(new Ended(130)));
  io.stderr.write(question);
  if (hidden) io.stdin.setRawMode(true);
  const onData = (data: Uint8Array): undefined => {
    line.take(data);
  };
  const open = io.stdin.open({ onData, onEnd: () => line.end() });
  try {
    if (signal.aborted) onAbort();
    return await promise;
  } finally {
    open[Symbol.dispose]();
    if (hidden) io.stdin.setRawMode(false);
    if (hidden) io.stderr.write("\n");
    signal.removeEventListener("abort", onAbort);
  }
}

/** The longest answer that is kept; a secret is far shorter. */
const MAX_CHARACTERS = 4_096;

/** Keys become a line. In raw mode the terminal edits nothing, so the two keys that matter are handled here. */
class TypedLine {
  readonly #onLine: (line: string) => void;
  readonly #onGivenUp: () => void;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(onLine: (line: string) => void, onGivenUp: () => void) {
    this.#onLine = onLine;
    this.#onGivenUp = onGivenUp;
  }

  take(data: Uint8Array): void {
    for (const sign of this.#decoder.decode(data, { stream: true })) {
      if (sign === "\r" || sign === "\n") this.#onLine(this.#text.trim());
      else if (sign === "\u0003" || sign === "\u0004") this.#onGivenUp();
      else if (sign === "\u007f" || sign === "\b") this.#text = [...this.#text].slice(0, -1).join("");
      else if (this.#text.length < MAX_CHARACTERS) this.#text += sign;
    }
  }

  end(): void {
    this.#onGivenUp();
  }
}
