// Holds the source against ARCHITECTURE.md: who may import whom, which folder alone knows which package, and what the
// pure set must not do. Every message names the rule and its reason. A rule is changed there and here, never here alone.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOnly } from "./setup/source-text.ts";
import { areaOf, type FileImport, fileImports, filesOf, packageImports, ROOT, textOf } from "./setup/source-tree.ts";

type Rule = { folders: string[]; packages: string[]; why: string };

/** What each folder may import besides itself; "manager:ports" is the files of manager/ that declare its ports. */
const TABLE: Record<string, Rule> = {
  core: { folders: [], packages: [], why: "the core knows nobody: every arrow points to it" },
  log: { folders: [], packages: [], why: "everybody may write a log line, so it may depend on nobody" },
  protocol: { folders: ["core"], packages: ["zod"], why: "manager and worker meet here, so it knows neither" },
  config: { folders: ["core"], packages: ["zod"], why: "it is parsed once, before anything else exists" },
  compose: { folders: ["core"], packages: ["zod", "yaml"], why: "a Compose file becomes a job, without any cluster" },
  manager: {
    folders: ["core", "protocol:pure"],
    packages: [],
    why: "machine and host reach the world through their own ports only",
  },
  worker: {
    folders: ["core", "protocol:pure"],
    packages: [],
    why: "machine and host reach the world through their own ports only",
  },
  runtime: shell(["dockerode"]),
  store: shell(["classic-level"]),
  transport: shell(["ws"]),
  metrics: shell(["systeminformation"]),
  client: {
    folders: ["core"],
    packages: ["zod", "ws"],
    why: "UI and CLI see a cluster through it, in-process or far away, so it may know no end of it",
  },
  api: {
    folders: ["core", "protocol", "client", "manager:ports", "worker:ports"],
    packages: ["hono", "@hono/node-server", "ws"],
    why: "it translates HTTP to ports and never reaches behind them",
  },
  tui: {
    folders: ["core", "client"],
    packages: ["blessed", "blessed-contrib"],
    why: "the UI sees the cluster only through the client's port",
  },
  cli: {
    folders: ["core", "config", "compose", "client"],
    packages: ["commander"],
    why: "a command sees the cluster only through the client's port",
  },
  roles: {
    folders: [
      "api",
      "cli",
      "client",
      "config",
      "core",
      "log",
      "manager",
      "metrics",
      "protocol",
      "runtime",
      "sim",
      "store",
      "transport",
      "tui",
      "worker",
    ],
    packages: [],
    why: "it joins everything, and nobody but main.ts knows it",
  },
  sim: {
    folders: ["core", "protocol:pure", "manager", "worker"],
    packages: [],
    why: "the simulator is a host of the real machines and of nothing else",
  },
};

/** Parts of a folder that another may see where it may not see the whole. */
const PARTS: Record<string, string[]> = {
  "manager:ports": ["src/manager/ports.ts", "src/manager/commands.ts"],
  "worker:ports": ["src/worker/ports.ts", "src/worker/effects.ts"],
  "protocol:pure": [
    "src/protocol/messages.ts",
    "src/protocol/fence.ts",
    "src/protocol/session.ts",
    "src/protocol/session-events.ts",
    "src/protocol/link-times.ts",
  ],
};

/** src/version.ts is for everybody but the pure set; src/main.ts joins everything and is imported by nobody. */
const TOP_LEVEL = ["main.ts", "version.ts"];

const PURE = [
  /^src\/(core|sim)\//,
  /^src\/(manager|worker)\/machine\.ts$/,
  /^src\/protocol\/(messages|fence|session)\.ts$/,
  /^src\/tui\/(model\.ts$|views\/)/,
];

/** What the compiler lets through in the pure set although a replay of the same events would end differently. */
const BANNED =
  /\b(Date|Math\.random|Intl|async|await|Promise|localeCompare|toLocale\w+|WeakRef|FinalizationRegistry)\b/g;

const MAX_LINES = 400;

const sources = filesOf("src");
const everything = [...sources, ...filesOf("test"), ...filesOf("scripts")];
const imports = fileImports(sources);

function shell(packages: string[]): Rule {
  return {
    folders: ["core", "protocol", "manager:ports", "worker:ports"],
    packages,
    why: "an adapter implements ports and knows neither another adapter nor who calls it",
  };
}

test("architecture: every folder of src has its row in the table", () => {
  const unknown = [...new Set(sources.map(areaOf))].filter((area) => !(area in TABLE) && !TOP_LEVEL.includes(area));
  expect(unknown.map((area) => `src/${area} has no row in the import table: say who may import it, and why`)).toEqual(
    [],
  );
});

test("architecture: a folder imports only the folders that the table allows", () => {
  const wrong = imports.filter(
    ({ from, to }) => areaOf(from) !== areaOf(to) && from !== "src/main.ts" && !allowed(from, to),
  );
  expect(wrong.map(explainFolder)).toEqual([]);
});

test("architecture: another folder's ports are imported as types alone", () => {
  const ports = [...(PARTS["manager:ports"] ?? []), ...(PARTS["worker:ports"] ?? [])];
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      ports.includes(to) && !typeOnly && (TABLE[areaOf(from)]?.folders ?? []).includes(`${areaOf(to)}:ports`),
  );
  expect(
    wrong.map(
      ({ from, to }) => `${from} imports values from ${to}: an adapter knows the shape of a port, not its owner's code`,
    ),
  ).toEqual([]);
});

test("architecture: a package is imported only by the folder that owns it", () => {
  const wrong = packageImports(sources).filter(({ from, package: name }) => !packageAllowed(from, name));
  const owners = (name: string) => Object.keys(TABLE).filter((area) => TABLE[area]?.packages.includes(name));
  expect(
    wrong.map(
      ({ from, package: name }) =>
        `${from} imports ${name}, which belongs to ${owners(name).join(", ") || "nobody"}: ` +
        "a heavy package behind one port can be replaced, faked and loaded only where it is needed",
    ),
  ).toEqual([]);
});

test("architecture: no file imports itself in a circle, not even for types", () => {
  expect(
    circles(imports).map((path) => `${path.join(" -> ")}: a circle has no part that can be understood alone`),
  ).toEqual([]);
});

test("architecture: nobody imports main.ts", () => {
  const wrong = imports.filter(({ to }) => to === "src/main.ts");
  expect(
    wrong.map(({ from }) => `${from} imports src/main.ts: it knows every shell, so whoever knows it does too`),
  ).toEqual([]);
});

test("architecture: no file has a name that says nothing about its content", () => {
  const empty = everything.filter((file) => /^(index|utils?|types|helpers?|common|misc)\.ts$/.test(basename(file)));
  expect(
    empty.map((file) => `${file}: name it after the concept in it; such files collect what belongs nowhere`),
  ).toEqual([]);
});

test(`architecture: no file is longer than ${MAX_LINES} lines`, () => {
  const long = everything.filter((file) => textOf(file).trimEnd().split("\n").length > MAX_LINES);
  expect(
    long.map((file) => `${file} has more than ${MAX_LINES} lines: it holds two concepts, give each its file`),
  ).toEqual([]);
});

test("architecture: the pure set and all code that it uses is deterministic", () => {
  const found = pureClosure().flatMap((file) =>
    codeOnly(textOf(file))
      .split("\n")
      .flatMap((line, index) => [...line.matchAll(BANNED)].map(([word]) => `${file}:${index + 1}: ${word}`)),
  );
  expect(found.map((place) => `${place}: time and chance are arguments there, or no run can be replayed`)).toEqual([]);
});

test("architecture: the pure set and all code that it uses imports no package and no built-in module", () => {
  const found = packageImports(pureClosure());
  expect(
    found.map(({ from, package: name }) => `${from} imports ${name}: the pure set does no input or output`),
  ).toEqual([]);
});

test("architecture: the pure set does not ask which version it is", () => {
  const found = fileImports(pureClosure()).filter(({ to }) => to === "src/version.ts");
  expect(found.map(({ from }) => `${from} imports src/version.ts: a replay must not depend on the build`)).toEqual([]);
});

test("architecture: ARCHITECTURE.md names every folder of src", () => {
  const page = existsSync(join(ROOT, "ARCHITECTURE.md")) ? textOf("ARCHITECTURE.md") : "";
  const areas = [...new Set(sources.map(areaOf))].filter((area) => !TOP_LEVEL.includes(area));
  const missing = areas.filter((area) => !page.includes(`${area}/`) && !page.includes(`\`${area}\``));
  expect(
    missing.map((area) => `ARCHITECTURE.md does not say what src/${area} is for: who comes new looks there`),
  ).toEqual([]);
});

function allowed(from: string, to: string): boolean {
  if (to === "src/version.ts") return true;
  if (from === "src/version.ts") return to === "package.json";
  return (TABLE[areaOf(from)]?.folders ?? []).some((name) => name === areaOf(to) || PARTS[name]?.includes(to));
}

function explainFolder({ from, to }: FileImport): string {
  const rule = TABLE[areaOf(from)];
  const may = rule?.folders.join(", ") || "nothing else";
  return `${from} imports ${to}: ${areaOf(from)} may import ${may}; ${rule?.why ?? "it has no row in the table"}`;
}

function packageAllowed(from: string, name: string): boolean {
  if (name.startsWith("node:") || name.startsWith("bun:") || name === "bun") return true;
  return from === "src/main.ts" || (TABLE[areaOf(from)]?.packages ?? []).includes(name);
}

/** The pure set, and every file whose code runs inside it. */
function pureClosure(): string[] {
  const closure = new Set(sources.filter((file) => PURE.some((pattern) => pattern.test(file))));
  for (const file of closure) {
    const used = fileImports([file]).filter(({ to, typeOnly }) => !typeOnly && sources.includes(to));
    for (const { to } of used) closure.add(to);
  }
  return [...closure];
}

/** Every circle among the imports, each found once, as the files on the way round. */
function circles(edges: FileImport[]): string[][] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (file: string, path: string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return found;
}
