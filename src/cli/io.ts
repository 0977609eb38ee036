/** What a command sees of its surroundings: streams, environment, time, the wish to end. A test gives its own; process-io.ts has the real one. */

/** Where text goes. Whatever is written after the reader has gone is dropped. */
export interface Output {
  write(data: string | Uint8Array): void;
  /** Resolves once so little waits for the reader that more may be written; whoever writes without end awaits it. */
  ready(): Promise<void>;
  readonly isTTY: boolean;
  /** 80 and 24 where there is no terminal. */
  readonly columns: number;
  readonly rows: number;
}

/** Standard input. Nothing is read before `open`. */
export interface Input {
  readonly isTTY: boolean;
  setRawMode(on: boolean): void;
  /** Everything up to its end. */
  readAll(): Promise<string>;
  /** Delivers input until disposed. Nothing is read on before a promise that `onData` gives has resolved. */
  open(handlers: {
    readonly onData: (data: Uint8Array) => Promise<void> | undefined;
    readonly onEnd: () => void;
  }): Disposable;
}

/** Somebody wants the command to end: an interrupt (130), a termination (143), a reader that went away (0). */
export interface EndWatch extends Disposable {
  /** Aborted with the reason `Ended`. */
  readonly signal: AbortSignal;
}

/** Why a command was ended from outside. */
export class Ended extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`ended with ${exitCode}`);
    this.name = "Ended";
    this.exitCode = exitCode;
  }
}

export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  nowMs(): number;
  /** True while a process of this machine has that id. */
  lives(pid: number): boolean;
  /** From now on signals no longer end the process but abort the signal. */
  watchForEnd(): EndWatch;
  /** Calls back when the terminal has another size. */
  onResize(listener: () => void): Disposable;
  /** Resolves when all that was written has left the process, or has no reader any more; rejects when it could not be written. */
  flush(): Promise<void>;
}

/** Whether to colour what goes to this stream (https://no-color.org). */
function hasColours(io: CliIo, output: Output): boolean {
  return output.isTTY && !io.env.NO_COLOR && io.env.TERM !== "dumb";
}

/** Bold where there are colours. */
export function boldFor(io: CliIo): (text: string) => string {
  return hasColours(io, io.stdout) ? (text) => `\u001b[1m${text}\u001b[22m` : (text) => text;
}
