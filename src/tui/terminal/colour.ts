/**
 * Takes colours out of what is written to the terminal, for NO_COLOR. Pure. It must keep bold, underline and inverse: without colour they are what shows the
 * selection and the state.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const SGR = /\x1b\[([\d;]*)m/g;

const isColour = (parameter: number): boolean =>
  (parameter >= 30 && parameter <= 49) || (parameter >= 90 && parameter <= 107);

/** The same text without any colour parameter in its SGR sequences (ECMA-48 8.3.117). */
export function withoutColour(text: string): string {
  return text.replace(SGR, (_, list: string) => {
    if (list === "") return "\x1b[m";
    const kept = keep(list.split(";"));
    return kept.length === 0 ? "" : `\x1b[${kept.join(";")}m`;
  });
}

function keep(parameters: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < parameters.length; i++) {
    const parameter = Number(parameters[i]);
    // 38 and 48 carry their colour in the parameters that follow: 5;n or 2;r;g;b.
    if (parameter === 38 || parameter === 48) i += parameters[i + 1] === "5" ? 2 : 4;
    else if (!isColour(parameter)) kept.push(parameters[i] as string);
  }
  return kept;
}
