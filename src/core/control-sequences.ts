/** What a terminal obeys instead of showing: one definition for everything that prints or draws text from outside. Pure. */

/** Whole control sequences: CSI, OSC, DCS/SOS/PM/APC with their text, and two-character escapes. Global: for `replace`. */
export const CONTROL_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  /\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)|\x1b[ -/]*[0-~]/g;
