/**
 * The border around a pane: title and digit on the left, figures on the right. Pure. The pane in focus has a heavy border and an inverse title, which can be
 * told apart without any colour.
 */
import { cut, width } from "../terminal/text.ts";
import { EMPTY, fitLine, type Line, lineWidth, type Span, span } from "./lines.ts";

interface Strokes {
  readonly topLeft: string;
  readonly topRight: string;
  readonly bottomLeft: string;
  readonly bottomRight: string;
  readonly across: string;
  readonly down: string;
}

const strokes = (signs: string): Strokes => {
  const [topLeft = "", topRight = "", bottomLeft = "", bottomRight = "", across = "", down = ""] = [...signs];
  return { topLeft, topRight, bottomLeft, bottomRight, across, down };
};

const LIGHT = strokes("┌┐└┘─│");
const HEAVY = strokes("┏┓┗┛━┃");
const PLAIN = strokes("++++-|");
const PLAIN_FOCUS = strokes("####=#");

/** What a border says. */
export interface FrameText {
  readonly title: string;
  /** On the right of the upper border; "" for nothing. */
  readonly info?: string;
  /** On the right of the lower border; "" for nothing. */
  readonly foot?: string;
  readonly focused: boolean;
  readonly unicode: boolean;
}

/** A pane of exactly `width` by `height` cells: the border and the lines in it. */
export function frame(
  size: { readonly width: number; readonly height: number },
  text: FrameText,
  lines: readonly Line[],
): Line[] {
  if (size.width < 4 || size.height < 2) return lines.slice(0, size.height).map((line) => fitLine(line, size.width));
  const s = text.unicode ? (text.focused ? HEAVY : LIGHT) : text.focused ? PLAIN_FOCUS : PLAIN;
  const inside = size.width - 2;
  const edge = (sign: string): Span => span(sign, text.focused ? "accent" : "dim", { bold: text.focused });
  const body = Array.from({ length: size.height - 2 }, (_, i) => [
    edge(s.down),
    ...fitLine(lines[i] ?? EMPTY, inside),
    edge(s.down),
  ]);
  const top = [edge(s.topLeft), ...topBorder(text, { across: s.across, inside, edge }), edge(s.topRight)];
  const bottom = [edge(s.bottomLeft), ...bottomBorder(text, { across: s.across, inside, edge }), edge(s.bottomRight)];
  return [top, ...body, bottom];
}

type Stroke = { readonly across: string; readonly inside: number; readonly edge: (sign: string) => Span };

function topBorder(text: FrameText, stroke: Stroke): Line {
  const title = cut(` ${text.title} `, stroke.inside - 1);
  const info = text.info === undefined || text.info === "" ? "" : ` ${text.info} `;
  const left: Line = [
    stroke.edge(stroke.across),
    span(title, text.focused ? "accent" : "title", { bold: true, inverse: text.focused }),
  ];
  const room = stroke.inside - lineWidth(left) - width(info) - 1;
  if (info === "" || room < 1)
    return [...left, stroke.edge(stroke.across.repeat(Math.max(0, stroke.inside - lineWidth(left))))];
  return [...left, stroke.edge(stroke.across.repeat(room)), span(info, "dim"), stroke.edge(stroke.across)];
}

function bottomBorder(text: FrameText, stroke: Stroke): Line {
  const foot = text.foot === undefined || text.foot === "" ? "" : cut(` ${text.foot} `, stroke.inside - 1);
  if (foot === "") return [stroke.edge(stroke.across.repeat(stroke.inside))];
  const room = stroke.inside - width(foot) - 1;
  return [stroke.edge(stroke.across.repeat(Math.max(0, room))), span(foot, "dim"), stroke.edge(stroke.across)];
}
