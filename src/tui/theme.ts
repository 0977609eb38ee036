/** Colours of the roles: the 16 ANSI colours only, so that the UI follows the user's own terminal theme. Pure. */
import type { Line, Role, Span } from "./views/lines.ts";

/** Names of the themes in the order in which the key goes through them. */
export const THEMES = ["dark", "light", "colour-blind", "mono"] as const;
export type ThemeName = (typeof THEMES)[number];

type Palette = Readonly<Record<Role, string>>;

/** SGR parameters of the foreground; "" leaves the terminal's own. */
const PALETTES: Readonly<Record<ThemeName, Palette>> = {
  dark: {
    plain: "",
    dim: "90",
    good: "32",
    warn: "33",
    bad: "91",
    accent: "96",
    title: "97",
    busy: "94",
    key: "93",
  },
  light: {
    plain: "",
    dim: "90",
    good: "32",
    warn: "35",
    bad: "31",
    accent: "34",
    title: "30",
    busy: "36",
    key: "34",
  },
  // Blue and yellow differ for every common kind of colour blindness; red and green do not.
  "colour-blind": {
    plain: "",
    dim: "90",
    good: "94",
    warn: "93",
    bad: "95",
    accent: "96",
    title: "97",
    busy: "37",
    key: "97",
  },
  mono: { plain: "", dim: "", good: "", warn: "", bad: "", accent: "", title: "", busy: "", key: "" },
};

/** Roles that are bold in every theme: what must not be overlooked. */
const BOLD: ReadonlySet<Role> = new Set(["bad", "title", "key"]);

/** Colours of the charts, by blessed's names. */
export interface ChartColours {
  readonly lines: readonly string[];
  readonly good: string;
  readonly warn: string;
  readonly bad: string;
  readonly text: string;
}

const COLOURED: ChartColours = {
  lines: ["cyan", "yellow", "magenta", "green", "blue", "red"],
  good: "green",
  warn: "yellow",
  bad: "red",
  text: "white",
};

/** The chart colours of a theme. */
export function chartColours(theme: ThemeName): ChartColours {
  if (theme === "mono") return { lines: ["white"], good: "white", warn: "white", bad: "white", text: "white" };
  if (theme === "light")
    return { ...COLOURED, lines: ["blue", "magenta", "green", "red", "cyan", "black"], text: "black" };
  if (theme === "colour-blind")
    return { ...COLOURED, lines: ["cyan", "yellow", "white", "blue", "magenta"], good: "blue", bad: "magenta" };
  return COLOURED;
}

/** A line as text with SGR sequences. */
export function paintLine(line: Line, theme: ThemeName): string {
  const palette = PALETTES[theme];
  return line.map((each) => paintSpan(each, palette)).join("");
}

function paintSpan(each: Span, palette: Palette): string {
  const role = each.role ?? "plain";
  const codes = [
    each.bold === true || BOLD.has(role) ? "1" : "",
    each.inverse === true ? "7" : "",
    // Inverse cells keep the terminal's own colours: coloured blocks are hard to read on half of all themes.
    each.inverse === true ? "" : palette[role],
  ].filter((code) => code !== "");
  return codes.length === 0 ? each.text : `\x1b[${codes.join(";")}m${each.text}\x1b[m`;
}
