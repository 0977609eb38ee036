/**
 * What people type into the new-task form, as values: cores, sizes, ports, variables, commands, health checks. Pure. Each reader answers with the value or with
 * one line that says what would have been right.
 */
import { parsePort } from "../../client/job-units.ts";
import { isName, NAME_RULE } from "../../core/names.ts";
import { parseCpus, parseSize } from "../../core/quantities.ts";
import { DEFAULT_HEALTH_RHYTHM, type HealthCheck, type HealthProbe, type PortMapping } from "../../core/spec.ts";

/** A value, or why there is none. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const good = <T>(value: T): Reading<T> => ({ ok: true, value });
const wrong = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

/** A job's name, by the rule that the manager holds it to. */
export function readName(text: string): Reading<string> {
  const name = text.trim();
  if (name === "") return wrong("a name is needed");
  return isName(name) ? good(name) : wrong(NAME_RULE);
}

/** Cores as thousandths: `0.5`, `2`, `250m`; empty is 0, nothing said. */
export function readCpu(text: string): Reading<number> {
  const trimmed = text.trim();
  if (trimmed === "") return good(0);
  const millis = /^\d+m$/.test(trimmed) ? Number(trimmed.slice(0, -1)) : parseCpus(trimmed);
  if (millis === undefined) return wrong("cores, such as 0.5 or 250m");
  return millis > 0 ? good(millis) : wrong("more than 0 cores");
}

/** The engine refuses less. */
const LEAST_MEMORY = 6 * 1024 * 1024;

/** Bytes: `512m`, `1.5GiB`, `64 MB` (all powers of 1024, as Docker reads them); empty is 0, nothing said. */
export function readBytes(text: string): Reading<number> {
  if (text.trim() === "") return good(0);
  const value = parseSize(text);
  if (value === undefined) return wrong("a size, such as 512m or 1.5g");
  return value >= LEAST_MEMORY ? good(value) : wrong("at least 6m: did you leave out the unit?");
}

/** Words of a command line with quotes and backslashes as in a shell, but nothing expanded. */
export function readWords(text: string): Reading<string[]> {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const sign = text.charAt(i);
    if (quote !== "") {
      if (sign === quote) quote = "";
      else if (sign === "\\" && quote === '"' && /["\\]/.test(text.charAt(i + 1)))
        word = (word ?? "") + text.charAt(++i);
      else word = (word ?? "") + sign;
    } else if (sign === "'" || sign === '"') {
      quote = sign;
      word ??= "";
    } else if (sign === "\\" && i + 1 < text.length) word = (word ?? "") + text.charAt(++i);
    else if (sign === " ") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + sign;
  }
  if (quote !== "") return wrong(`a closing ${quote} is missing`);
  if (word !== undefined) words.push(word);
  return good(words);
}

/** Variables: `A=1 B='two words'`. */
export function readEnv(text: string): Reading<Record<string, string>> {
  const words = readWords(text);
  if (!words.ok) return words;
  const env: Record<string, string> = {};
  for (const word of words.value) {
    const at = word.indexOf("=");
    if (at <= 0) return wrong(`${word}: NAME=value, separated by blanks`);
    env[word.slice(0, at)] = word.slice(at + 1);
  }
  return good(env);
}

/** Ports as `docker run -p` takes them: `8080:80`, `80`, `127.0.0.1:53:53/udp`, separated by blanks or commas. */
export function readPorts(text: string): Reading<PortMapping[]> {
  const ports: PortMapping[] = [];
  for (const word of text.split(/[\s,]+/).filter((each) => each !== "")) {
    const port = parsePort(word);
    if (port === undefined) return wrong(`${word}: host:container, such as 8080:80 or 80`);
    if (port.containerPort < 1 || port.containerPort > 65_535 || port.hostPort > 65_535) {
      return wrong(`${word}: ports go from 1 to 65535`);
    }
    ports.push(port);
  }
  return good(ports);
}

/** A health check: `/path` or `http [port] /path`, `tcp port`, or `cmd words…`; empty is none. */
export function readHealth(text: string): Reading<HealthCheck | null> {
  const trimmed = text.trim();
  if (trimmed === "") return good(null);
  const probe = readProbe(trimmed);
  return probe.ok ? good({ probe: probe.value, ...DEFAULT_HEALTH_RHYTHM }) : probe;
}

function readProbe(text: string): Reading<HealthProbe> {
  const http = /^(?:http\s+)?(?:(\d+)\s+)?(\/\S*)$/.exec(text);
  if (http !== null) return good({ kind: "http", path: http[2] ?? "/", port: Number(http[1] ?? 0) });
  const tcp = /^tcp\s+(\d+)$/.exec(text);
  if (tcp !== null) return good({ kind: "tcp", port: Number(tcp[1]) });
  if (!/^cmd\s/.test(text)) return wrong("/path, tcp 80, or cmd and a command");
  const words = readWords(text.slice(4));
  if (!words.ok) return words;
  return words.value.length > 0 ? good({ kind: "exec", command: words.value }) : wrong("a command after cmd");
}
