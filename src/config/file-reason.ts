/** Why a file that somebody named cannot be read, in the same words whichever option named it. Pure. */

/** The rest of a sentence, from the system's error code. */
export function fileReason(code: string | undefined): string {
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "EISDIR") return "it is a directory";
  if (code === "EACCES") return "you may not read it";
  return code ?? "unknown error";
}
