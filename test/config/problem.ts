import { ConfigError } from "../../src/config/wrong-value.ts";

/** What is said of settings that are refused, with the way out behind it; the home directory is shown as `~`. */
export function problemOf(load: () => unknown, home: string): string {
  try {
    load();
    return "no problem";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message, error.hint]
      .filter((text) => text !== "")
      .join(" | ")
      .replaceAll(home, "~");
  }
}
