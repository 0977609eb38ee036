/** Finds the keys that leave a session in what is typed, and keeps them from the session. Pure but for its own memory of a sequence that has begun. */
import { UsageError } from "./cli-error.ts";

/** Docker's keys. */
export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** The bytes of keys such as `ctrl-p,ctrl-q` or `a,ctrl-]`; none for "". Throws UsageError. */
export function readDetachKeys(text: string): Uint8Array {
  const keys = text === "" ? [] : text.split(",");
  return Uint8Array.from(keys.map((key) => keyCode(key, text)));
}

function keyCode(key: string, all: string): number {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
  if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
  throw new UsageError(`--detach-keys "${all}": "${key}" is no key`, "write keys with commas, such as ctrl-p,ctrl-q");
}

/** What came through, and whether the keys were pressed. */
export interface Typed {
  readonly data: Uint8Array;
  readonly detached: boolean;
}

/** Holds back bytes that may be the beginning of the keys until it is clear that they are not. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What of `input` may go to the session. */
  take(input: Uint8Array): Typed {
    if (this.#keys.length === 0) return { data: input, detached: false };
    const out: number[] = [];
    for (const byte of input) {
      this.#release(byte, out);
      if (this.#matched === this.#keys.length) return { data: Uint8Array.from(out), detached: true };
    }
    return { data: Uint8Array.from(out), detached: false };
  }

  /** As docker: on a mismatch all that was held back goes through, and the byte may begin the keys anew. */
  #release(byte: number, out: number[]): void {
    if (byte !== this.#keys[this.#matched]) {
      out.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = 0;
    }
    if (byte === this.#keys[this.#matched]) this.#matched++;
    else out.push(byte);
  }
}
