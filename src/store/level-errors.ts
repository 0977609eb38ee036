/** Translates LevelDB's errors into this program's kinds, in one place. The original text stays in the message. */

/** What an error of LevelDB means for us. */
export interface LevelError {
  /** `locked`: another process has it. `damaged`: repair may help. `io`: the disk; try again. `denied`: permissions; people act. */
  readonly kind: "locked" | "damaged" | "io" | "denied";
  readonly text: string;
}

/** Sorts an error that classic-level rejected with. Pure. */
export function levelError(error: unknown): LevelError {
  const { code, text } = innermost(error);
  if (code === "LEVEL_LOCKED") return { kind: "locked", text };
  // LevelDB reports a missing MANIFEST or table as an I/O error, and a missing CURRENT as an invalid argument.
  const missing = /No such file|does not exist|missing files/i.test(text);
  if (code === "LEVEL_CORRUPTION" || missing) return { kind: "damaged", text };
  if (/Permission denied|Read-only file system/i.test(text)) return { kind: "denied", text };
  return { kind: "io", text };
}

function innermost(error: unknown): { readonly code: string; readonly text: string } {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (!(current instanceof Error)) return { code: "", text: String(current) };
  return { code: (current as NodeJS.ErrnoException).code ?? "", text: current.message };
}
