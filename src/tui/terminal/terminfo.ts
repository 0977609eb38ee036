/**
 * Terminal descriptions inside the program. blessed does not understand the 32-bit files of today's systems and would fall back to files beside its own source,
 * which a compiled executable does not have. Must be imported before blessed makes a screen.
 */
import { readFileSync } from "node:fs";
import Tput from "blessed/lib/tput.js";
import linux from "blessed/usr/linux" with { type: "file" };
import xterm from "blessed/usr/xterm" with { type: "file" };
import xterm256 from "blessed/usr/xterm-256color" with { type: "file" };

type Description = { readonly name: string; readonly file: string };

/** The description that serves a value of TERM: the console's, one of 8 colours, or one of 256. */
function description(term: string): Description {
  if (/^linux/.test(term)) return { name: "linux", file: linux };
  if (/^(xterm|screen|tmux|vt\d+|ansi)$/.test(term)) return { name: "xterm", file: xterm };
  return { name: "xterm-256color", file: xterm256 };
}

/** Makes blessed read the embedded descriptions only. May be called more than once. */
export function embedTerminfo(): void {
  Tput.prototype.readTerminfo = function readTerminfo(term?: string): unknown {
    const { name, file } = description(String(term ?? this.terminal ?? "").toLowerCase());
    // blessed takes the terminal's name from the path, so it is given one that looks as on any system.
    return this.parseTerminfo(readFileSync(file), `/usr/share/terminfo/${name.charAt(0)}/${name}`);
  };
}
