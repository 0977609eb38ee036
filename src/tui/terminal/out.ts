/**
 * What stands between blessed and the terminal. A write never blocks: `process.stdout.write` on a terminal is synchronous in Bun and in Node, so a terminal
 * that stops reading would stop the manager and the scheduler in the same process. A descriptor of our own, opened non-blocking, takes what fits; the rest
 * waits, and while it waits nothing is drawn. One write a frame, marked as synchronised (DEC private mode 2026); colours are taken out for NO_COLOR.
 */
import { EventEmitter } from "node:events";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { withoutColour } from "./colour.ts";

/** How long to wait before a terminal that took nothing is tried again, in ms. */
const RETRY_MS = 20;

/** A frame shorter than this is not worth the marks of a synchronised update, in characters. */
const SYNC_FROM = 64;

/** The part of a terminal stream that the output needs: its size, and a way to be told of a new one. */
export type SizedStream = {
  columns?: number;
  rows?: number;
  getWindowSize?: () => [number, number];
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
  write(text: string): unknown;
};

/** Opens the terminal a second time, for writing without blocking; undefined where there is no such device. */
export function openTerminal(): number | undefined {
  const flags = constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK;
  for (const device of ["/dev/tty", "/proc/self/fd/1"]) {
    try {
      return openSync(device, flags);
    } catch {
      // The next one; without any, the stream itself is written to.
    }
  }
  return undefined;
}

type OutOptions = {
  stream: SizedStream;
  /** The terminal's own descriptor, or undefined to write to the stream. */
  fd: number | undefined;
  monochrome: boolean;
  synchronised: boolean;
};

/** The output stream that blessed draws on. Emits `resize`, and `drain` once everything written has left. */
export class Out extends EventEmitter {
  readonly isTTY = true;
  readonly writable = true;
  /** Nothing is written while another program has the terminal. */
  paused = false;
  /** True while the terminal does not take what it was given. */
  blocked = false;
  frames = 0;
  bytes = 0;
  #rest: Buffer | undefined;
  #queue = "";
  #closed = false;
  readonly #options: OutOptions;
  readonly #onResize = (): void => {
    if (!this.paused) this.emit("resize");
  };

  constructor(options: OutOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    options.stream.on("resize", this.#onResize);
  }

  /** Asked of the terminal each time: no SIGWINCH comes while a child is in the foreground. */
  get columns(): number {
    return Math.max(1, this.#size()[0] || 80);
  }

  get rows(): number {
    return Math.max(1, this.#size()[1] || 24);
  }

  #size(): readonly [number, number] {
    const { stream } = this.#options;
    const asked = stream.getWindowSize?.();
    return asked?.[0] ? asked : [stream.columns ?? 0, stream.rows ?? 0];
  }

  /** Queues text for the terminal and returns at once; false while the terminal is behind. */
  write(text: string): boolean {
    if (this.paused || this.#closed) return true;
    this.#send(this.#frame(text));
    return !this.blocked;
  }

  /** Writes bytes of another program (a shell in a container) as they are, also while paused. */
  raw(text: string): void {
    if (!this.#closed) this.#send(text);
  }

  #frame(text: string): string {
    const shown = this.#options.monochrome ? withoutColour(text) : text;
    return this.#options.synchronised && shown.length > SYNC_FROM ? `\x1b[?2026h${shown}\x1b[?2026l` : shown;
  }

  #send(text: string): void {
    this.frames++;
    if (this.#options.fd === undefined) {
      this.#options.stream.write(text);
      return;
    }
    this.#queue += text;
    if (!this.blocked) this.#pump(this.#options.fd);
  }

  #pump(fd: number): void {
    for (;;) {
      const chunk = this.#rest ?? (this.#queue === "" ? undefined : Buffer.from(this.#queue));
      if (this.#rest === undefined) this.#queue = "";
      if (chunk === undefined) {
        this.#drained();
        return;
      }
      const taken = this.#offer(fd, chunk);
      if (taken === undefined) return;
      this.bytes += taken;
      this.#rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
      if (this.#rest === undefined) continue;
      this.blocked = true;
      setTimeout(() => this.#pump(fd), RETRY_MS);
      return;
    }
  }

  #drained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.emit("drain");
  }

  /** Bytes taken; undefined when the terminal is gone for good, and then everything queued is dropped. */
  #offer(fd: number, chunk: Buffer): number | undefined {
    try {
      return writeSync(fd, chunk);
    } catch (error) {
      if ((error as { code?: string }).code === "EAGAIN") return 0;
      this.#rest = undefined;
      this.#queue = "";
      this.blocked = false;
      this.#closed = true;
      return undefined;
    }
  }

  /** Last words: at once, never waiting. True if the terminal took all of them; nothing can be written afterwards. */
  lastWords(text: string): boolean {
    const { fd, stream } = this.#options;
    stream.off("resize", this.#onResize);
    const bytes = Buffer.concat([this.#rest ?? Buffer.alloc(0), Buffer.from(this.#queue + text)]);
    this.#closed = true;
    this.#rest = undefined;
    this.#queue = "";
    try {
      const taken = writeSync(fd ?? 1, bytes);
      if (fd !== undefined) closeSync(fd);
      return taken === bytes.length;
    } catch {
      return false;
    }
  }

  /** Stops what is drawn now and keeps the rest for `lastWords`. */
  hold(): void {
    this.blocked = true;
  }
}
