/** A command inside a fake task: its output is data, its input may be echoed. Part of the fake Runtime. */
import type { ExecSession } from "../../src/worker/ports.ts";

/** What a command inside a task does. */
export interface FakeCommand {
  readonly output?: readonly { readonly stream: "stdout" | "stderr"; readonly text: string }[];
  readonly exitCode: number;
  /** Copies its input to its output until the end of input. */
  readonly echoes?: boolean;
}

/** The session that a fake runtime gives for it. */
export class FakeExec implements ExecSession {
  readonly exitCode: Promise<number | null>;
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  readonly #pieces: { stream: "stdout" | "stderr"; data: Uint8Array }[];
  readonly #ended = Promise.withResolvers<number | null>();
  readonly #command: FakeCommand;

  constructor(command: FakeCommand) {
    this.#command = command;
    const encoder = new TextEncoder();
    this.#pieces = (command.output ?? []).map(({ stream, text }) => ({ stream, data: encoder.encode(text) }));
    this.exitCode = this.#ended.promise;
    this.output = this.#read();
    if (!command.echoes) this.#ended.resolve(command.exitCode);
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#command.echoes) this.#pieces.push({ stream: "stdout", data });
  }

  closeInput(): void {
    this.#ended.resolve(this.#command.exitCode);
  }

  resize(): void {}

  close(): void {
    this.#ended.resolve(null);
  }

  async *#read(): AsyncGenerator<{ stream: "stdout" | "stderr"; data: Uint8Array }> {
    await this.#ended.promise;
    yield* this.#pieces;
  }
}
