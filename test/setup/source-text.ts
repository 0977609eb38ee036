// Reads TypeScript just well enough for the architecture test: which modules a file names, and its code without
// comments and strings. The native compiler has no interface for this yet; it must never need to understand types.

/** One module named by an import, an export from, a dynamic import or an import type. */
export type ImportedModule = { specifier: string; typeOnly: boolean };

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const TEMPLATE_TEXT = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y;
/** Code in which no comment, string or nesting begins or ends. */
const PLAIN = /[^'"`{}/]+/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
/** A slash after one of these opens a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~]|\b(?:return|typeof|case|in|of|void))\s*$/;
const IMPORT =
  /\b(?:(import|export)\s+(type\s)?[^;"'`()=]*?\bfrom\s*|import\s*(?:\(\s*)?|require\s*\(\s*)(["'])((?:(?!\3).)+)\3/g;

/** Every module that `source` names, in order. Comments are not looked at. */
export function importsOf(source: string): ImportedModule[] {
  return [...withoutComments(source).matchAll(IMPORT)].map((match) => ({
    specifier: match[4] ?? "",
    typeOnly: match[2] !== undefined,
  }));
}

function withoutComments(source: string): string {
  return scan(source, (string) => string);
}

/** `source` without comments and without what stands in strings and regular expressions; lines keep their numbers. */
export function codeOnly(source: string): string {
  return scan(source, linesOnly);
}

type Piece = { kind: "code" | "comment" | "string"; text: string };

function scan(source: string, onString: (text: string) => string): string {
  let out = "";
  let at = 0;
  const open: string[] = []; // "`" a template, "${" an expression inside one, "{" any other brace
  while (at < source.length) {
    const piece = open.at(-1) === "`" ? templatePiece(source, at) : plainPiece(source, at, out);
    if (piece.kind === "code") trackNesting(open, piece.text);
    if (piece.kind === "code") out += piece.text;
    else out += piece.kind === "string" ? onString(piece.text) : linesOnly(piece.text);
    at += piece.text.length;
  }
  return out;
}

function templatePiece(source: string, at: number): Piece {
  const text = matchAt(TEMPLATE_TEXT, source, at);
  if (text) return { kind: "string", text };
  return { kind: "code", text: source.startsWith("${", at) ? "${" : source.charAt(at) };
}

function plainPiece(source: string, at: number, before: string): Piece {
  const comment = matchAt(COMMENT, source, at);
  if (comment !== undefined) return { kind: "comment", text: comment };
  const string = matchAt(STRING, source, at) ?? regexAt(source, at, before);
  if (string !== undefined) return { kind: "string", text: string };
  return { kind: "code", text: matchAt(PLAIN, source, at) ?? source.charAt(at) };
}

function regexAt(source: string, at: number, before: string): string | undefined {
  return BEFORE_REGEX.test(before.slice(-20)) ? matchAt(REGEX, source, at) : undefined;
}

function trackNesting(open: string[], code: string): void {
  const closes = code === "}" || (code === "`" && open.at(-1) === "`");
  if (closes) open.pop();
  else if (code === "`" || code === "${" || code === "{") open.push(code);
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function linesOnly(text: string): string {
  return text.replace(/[^\n]/g, "");
}
