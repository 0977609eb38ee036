/** A page in Prometheus' text format (version 0.0.4), line by line. */

/** Labels as `label` writes them, "" for none, and the value. */
export type Sample = readonly [labels: string, value: number];

/** A scrape as it grows. */
export class Page {
  text = "";

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#series("gauge", { name, help, samples });
  }

  /** Names of counters end in `_total`. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#series("counter", { name, help, samples });
  }

  summary(name: string, help: string, sum: number, count: number): void {
    this.#head(name, help, "summary");
    this.text += `${name}_sum ${sum}\n${name}_count ${count}\n`;
  }

  #series(
    type: string,
    of: { readonly name: string; readonly help: string; readonly samples: readonly Sample[] },
  ): void {
    this.#head(of.name, of.help, type);
    for (const [labels, value] of of.samples) this.text += `${of.name}${labels} ${value}\n`;
  }

  #head(name: string, help: string, type: string): void {
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }
}

/** Labels in braces, with what has to be escaped. Pure. */
export function label(labels: Readonly<Record<string, string>>): string {
  const escaped = (value: string): string =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${Object.entries(labels)
    .map(([key, value]) => `${key}="${escaped(value)}"`)
    .join(",")}}`;
}
