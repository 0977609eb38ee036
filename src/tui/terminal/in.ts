/**
 * What stands between the terminal and the keys: bytes in, whole keys, mouse reports and pastes out. A key may arrive in two reads (an arrow over a slow line
 * would be Escape and two letters), so an unfinished sequence is held for a moment. blessed is given a stream that never carries anything: it must not parse
 * the keys a second time.
 */
import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { type Key, keyOf, type Mouse, mouseOf } from "./key-names.ts";

/** How long the rest of a sequence is waited for before its beginning counts as keys, in ms. */
const HOLD_MS = 30;

/** A paste is cut here: nobody types a megabyte into a form. In characters. */
const PASTE_LIMIT = 1_048_576;

const PASTE_BEGIN = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** One whole sequence at the beginning of what was read: mouse, CSI, SS3, OSC, DCS, Escape Escape, Alt-key, or one character. */
const WHOLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character
  /^(?:\x1b\[M[\s\S]{3}|\x1b\[<[\d;]*[Mm]|\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b\x1b|\x1b[^[OP\]\x1b]|[^\x1b])/u;

/** The part of stdin that the input needs. */
export type KeyStream = {
  setRawMode?(on: boolean): unknown;
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  on(event: "end" | "error", listener: () => void): unknown;
  off(event: "data", listener: (bytes: Buffer) => void): unknown;
  off(event: "end" | "error", listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
};

/**
 * Emits `key` (Key), `mouse` (Mouse), `paste` (string), `bytes` (Buffer) instead of all three while relaying, and `gone` when
 * the terminal was closed without a signal to say so.
 */
export class In extends EventEmitter<{ key: [Key]; mouse: [Mouse]; paste: [string]; bytes: [Buffer]; gone: [] }> {
  /** While true, bytes go past the key parser, to a program that has the terminal. */
  relaying = false;
  #buffer = "";
  #pasted: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #decoder = new TextDecoder("utf-8");
  readonly #stream: KeyStream;
  readonly #onData = (bytes: Buffer): void => {
    if (this.relaying) this.emit("bytes", bytes);
    else this.#take(this.#decoder.decode(bytes, { stream: true }));
  };

  readonly #onGone = (): void => {
    this.emit("gone");
  };

  constructor(stream: KeyStream) {
    super();
    this.#stream = stream;
  }

  /** Takes the terminal: raw mode on, keys flow. */
  start(): void {
    this.#stream.setRawMode?.(true);
    this.#stream.on("data", this.#onData);
    this.#stream.on("end", this.#onGone);
    this.#stream.on("error", this.#onGone);
    this.#stream.resume();
  }

  /** Gives the terminal back. May be called more than once. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stream.off("data", this.#onData);
    this.#stream.off("end", this.#onGone);
    this.#stream.off("error", this.#onGone);
    this.#stream.setRawMode?.(false);
    this.#stream.pause();
  }

  /** The stream that blessed may hold: a terminal by its looks, without a single byte in it. */
  silent(): PassThrough {
    return Object.assign(new PassThrough(), { isTTY: true, isRaw: true, setRawMode: () => undefined });
  }

  #take(text: string): void {
    clearTimeout(this.#timer);
    this.#buffer += text;
    while (this.#buffer !== "") {
      if (this.#pasted !== undefined) {
        if (!this.#takePaste(this.#pasted)) return;
        continue;
      }
      const sequence = this.#buffer === "\x1b" ? undefined : WHOLE.exec(this.#buffer)?.[0];
      if (sequence === undefined) {
        this.#timer = setTimeout(() => this.#giveUp(), HOLD_MS);
        return;
      }
      this.#buffer = this.#buffer.slice(sequence.length);
      this.#one(sequence);
    }
  }

  /** True once the end of the paste was seen. */
  #takePaste(before: string): boolean {
    const end = this.#buffer.indexOf(PASTE_END);
    if (end < 0) {
      // The end mark itself may be split: what could be its beginning stays in the buffer.
      const kept = partOfEnd(this.#buffer);
      this.#pasted = (before + this.#buffer.slice(0, this.#buffer.length - kept)).slice(0, PASTE_LIMIT);
      this.#buffer = kept === 0 ? "" : this.#buffer.slice(-kept);
      return false;
    }
    this.#pasted = undefined;
    const text = before + this.#buffer.slice(0, end);
    this.#buffer = this.#buffer.slice(end + PASTE_END.length);
    this.emit("paste", text.slice(0, PASTE_LIMIT));
    return true;
  }

  #one(sequence: string): void {
    if (sequence === PASTE_BEGIN) {
      this.#pasted = "";
      return;
    }
    const mouse = mouseOf(sequence);
    if (mouse !== undefined) this.emit("mouse", mouse);
    const key = mouse === undefined ? keyOf(sequence) : undefined;
    if (key !== undefined) this.emit("key", key);
  }

  /** Nothing followed in time: a lone Escape is the key; of anything longer the Escape and its letters are. */
  #giveUp(): void {
    const text = this.#buffer;
    this.#buffer = "";
    this.#one("\x1b");
    for (const sign of text.slice(1)) this.#one(sign);
  }
}

/** How many characters at the end of `text` could be the beginning of the mark that ends a paste. */
function partOfEnd(text: string): number {
  for (let n = Math.min(PASTE_END.length - 1, text.length); n > 0; n--) {
    if (PASTE_END.startsWith(text.slice(-n))) return n;
  }
  return 0;
}
