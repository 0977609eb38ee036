/** JSON from a peer: bounded in length and depth before it is parsed, so that no message can hold up or overflow whoever reads it. */
import { type Failure, fail, ok, type Result } from "../core/failure.ts";

/** Nesting that is still read. */
const MAX_DEPTH = 64;

/** The value of a text of at most `limit` bytes. Fails with `invalid`. */
export function parseWire(wire: string, limit: number): Result<unknown> {
  // Counted in UTF-16 units, of which a byte makes at most one.
  if (wire.length > limit) return fail("invalid", `a message of more than ${limit} bytes`);
  if (isTooDeep(wire)) return fail("invalid", `nested deeper than ${MAX_DEPTH}`);
  try {
    return ok(JSON.parse(wire));
  } catch {
    return fail("invalid", "no JSON");
  }
}

/** What of a message does not fit, and where; never what was said, which may be secret or endless. */
export function misfit(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): {
  readonly ok: false;
  readonly failure: Failure;
} {
  const where = (issue?.path ?? []).map(String).join(".").slice(0, 100);
  return fail("invalid", `${where || "the message"}: ${(issue?.message ?? "does not fit").slice(0, 200)}`);
}

/** Counts brackets outside strings; without recursion, so that depth itself can do no harm. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
