/** What jobs and services may be called: a name has to fit into a DNS label (RFC 1123). Pure. */

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The rule in words, for whoever broke it. */
export const NAME_RULE = "lower-case letters, digits and -, not at either end, at most 63";

/** True for a name that a job or service may have. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/** A name that may be used, made of any text: lower case, other characters as -, cut to 63. "task" where nothing is left. */
export function nameFrom(text: string): string {
  const clean = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 63);
  return clean.replace(/^-+|-+$/g, "") || "task";
}
