/** How long a piece of output may be: one rule for all runtimes. Pure. */

/** Characters; a longer line comes in pieces. */
export const LINE_MAX = 16 * 1024;

/** The line whole, or in pieces of at most LINE_MAX; an empty line is one empty piece. */
export function* pieces(line: string): Generator<string> {
  if (line === "") yield line;
  for (let at = 0; at < line.length; at += LINE_MAX) yield line.slice(at, at + LINE_MAX);
}
