/** The two errors of configuration: a value that a reader refuses, and the same with the place where it was written. Both are the user's: no stack is ever shown. */

/** What was expected instead, such as `a port from 1 to 65535`. The reader does not know where the value was written; who called it adds that. */
export class WrongValue extends Error {
  constructor(expected: string) {
    super(expected);
    this.name = "WrongValue";
  }
}

/** A configuration that cannot be used: exit code 2. `message` names file and key, variable or flag; `hint` is the way out, or "". */
export class ConfigError extends Error {
  readonly hint: string;
  constructor(message: string, hint = "") {
    super(message);
    this.name = "ConfigError";
    this.hint = hint;
  }
}
