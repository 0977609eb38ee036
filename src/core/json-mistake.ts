/** Where a JSON text breaks: the engine's own message has no position. A strict reader by RFC 8259 that builds nothing. Pure. */

/** The first mistake of a text that is not JSON. Lines and columns count from 1; a column counts characters. */
export interface JsonMistake {
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

/** The first mistake, or null for JSON. */
export function findJsonMistake(text: string): JsonMistake | null {
  const reader = new JsonReader(text);
  try {
    reader.document();
    return null;
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const before = text.slice(0, error.at).split("\n");
    return { line: before.length, column: [...(before.at(-1) ?? "")].length + 1, expected: error.message };
  }
}

class Mistake extends Error {
  readonly at: number;
  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = /[ \t\n\r]*/y;

/** Deeper than any task file, and shallow enough for every stack. */
const MAX_DEPTH = 200;

class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw new Mistake(this.#at, "nothing more after the value");
  }

  #value(): void {
    this.#space();
    const sign = this.#text[this.#at];
    if (sign === "{") this.#members("}", () => this.#member());
    else if (sign === "[") this.#members("]", () => this.#value());
    else if (sign === '"') this.#string();
    else if (!this.#take(NUMBER) && !this.#word()) throw new Mistake(this.#at, "a value");
  }

  #members(end: string, member: () => void): void {
    if (++this.#depth > MAX_DEPTH) throw new Mistake(this.#at, `at most ${MAX_DEPTH} levels`);
    this.#at++;
    this.#space();
    if (this.#text[this.#at] !== end) {
      member();
      while (this.#isNext(",")) member();
      if (this.#text[this.#at] !== end) throw new Mistake(this.#at, `"," or "${end}"`);
    }
    this.#at++;
    this.#depth--;
  }

  #member(): void {
    this.#space();
    if (this.#text[this.#at] !== '"') throw new Mistake(this.#at, "a key in double quotes");
    this.#string();
    if (!this.#isNext(":")) throw new Mistake(this.#at, '":"');
    this.#value();
  }

  #string(): void {
    const start = this.#at++;
    while (this.#text.charCodeAt(this.#at) !== QUOTE) {
      if (!this.#character()) throw new Mistake(start, "a string that ends on its line, with valid escapes");
    }
    this.#at++;
  }

  /** One step in a string. No pattern takes the whole of it: an engine gives up on a group that repeats a million times. */
  #character(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    if (code === BACKSLASH) return this.#take(ESCAPE);
    this.#at++;
    // Past the end it is NaN.
    return code >= 0x20;
  }

  #word(): boolean {
    const word = ["true", "false", "null"].find((known) => this.#text.startsWith(known, this.#at));
    this.#at += word?.length ?? 0;
    return word !== undefined;
  }

  #isNext(sign: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    this.#take(SPACE);
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found !== "";
  }
}
