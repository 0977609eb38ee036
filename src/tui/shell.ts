/**
 * Gives the terminal to a shell inside a container and takes it back: keys go to the shell as they are, its output to the terminal as it is, sizes are
 * forwarded. Ctrl-p Ctrl-q detaches. No second process touches the terminal.
 */
import type { ClusterClient, ExecStream } from "../client/cluster-client.ts";
import type { Terminal } from "./terminal/screen.ts";

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

/** How often a terminal that is behind is looked at again, in ms. */
const BEHIND_MS = 10;

interface Given {
  readonly client: ClusterClient;
  readonly terminal: Terminal;
  readonly taskId: string;
  readonly name: string;
}

/** Runs a shell in the task until it ends or is detached; answers with one line on how it ended. */
export async function relayShell(given: Given): Promise<string> {
  const { client, terminal, taskId, name } = given;
  const { out } = terminal;
  const size = { columns: out.columns, rows: out.rows };
  // The stream is opened first: if that fails, the screen was never left.
  const stream = await client.exec(taskId, { command: [], tty: true, stdin: true, ...size });
  leave(terminal, `shell in ${name}; Ctrl-p Ctrl-q comes back\r\n`);
  try {
    return await relay(given, stream);
  } finally {
    stream.close();
    enter(terminal);
  }
}

/** The alternate screen is left and nothing is drawn any more. */
function leave(terminal: Terminal, greeting: string): void {
  terminal.screen.leave();
  terminal.out.paused = true;
  terminal.out.raw(`\x1b[0m\x1b[?25h${greeting}`);
  terminal.input.relaying = true;
}

function enter(terminal: Terminal): void {
  terminal.input.relaying = false;
  terminal.out.paused = false;
  terminal.screen.enter();
  // The size may have changed while the shell had the terminal, and nobody was told.
  terminal.out.emit("resize");
}

async function relay(given: Given, stream: ExecStream): Promise<string> {
  const { terminal, name } = given;
  let detached = false;
  const keys = new DetachFilter(
    (bytes) => void stream.write(bytes),
    () => {
      detached = true;
      stream.close();
    },
  );
  const onBytes = (bytes: Buffer): void => keys.take(bytes);
  const onResize = (): void => stream.resize(terminal.out.columns, terminal.out.rows);
  terminal.input.on("bytes", onBytes);
  process.on("SIGWINCH", onResize);
  try {
    await copyOutput(stream, terminal);
    return detached ? `detached from ${name}` : `the shell in ${name} ended${codeText(await stream.exitCode)}`;
  } finally {
    terminal.input.off("bytes", onBytes);
    process.off("SIGWINCH", onResize);
  }
}

const codeText = (code: number | null): string => (code === null || code === 0 ? "" : ` with code ${code}`);

async function copyOutput(stream: ExecStream, terminal: Terminal): Promise<void> {
  const decoder = new TextDecoder("utf-8");
  for await (const chunk of stream.output) {
    terminal.out.raw(decoder.decode(chunk.data, { stream: true }));
    // Not reading on is what tells the shell to wait for a terminal that is behind.
    while (terminal.out.blocked) await new Promise((resolve) => setTimeout(resolve, BEHIND_MS));
  }
}

/** Lets bytes through except Ctrl-p Ctrl-q, which may come in two reads. */
class DetachFilter {
  #held = false;
  readonly #pass: (bytes: Uint8Array) => void;
  readonly #detach: () => void;

  constructor(pass: (bytes: Uint8Array) => void, detach: () => void) {
    this.#pass = pass;
    this.#detach = detach;
  }

  take(bytes: Uint8Array): void {
    const all = this.#held ? Uint8Array.of(CTRL_P, ...bytes) : bytes;
    this.#held = false;
    for (let i = 0; i < all.length; i++) {
      if (all[i] !== CTRL_P) continue;
      if (all[i + 1] === CTRL_Q) {
        this.#detach();
        return;
      }
      if (i === all.length - 1) {
        this.#held = true;
        if (i > 0) this.#pass(all.subarray(0, i));
        return;
      }
    }
    this.#pass(all);
  }
}
