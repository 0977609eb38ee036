// The source files of the project and who imports whom, for the architecture test.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { importsOf } from "./source-text.ts";

/** The root folder of the checkout. */
export const ROOT = resolve(import.meta.dir, "../..");

/** A file that imports a file of the project; both paths are relative to the root. */
export type FileImport = { from: string; to: string; typeOnly: boolean };

/** A file that imports a package or a built-in module; "blessed/lib/tput.js" is package "blessed". */
export type PackageImport = { from: string; package: string };

/** The TypeScript files below `folder`, relative to the root, in order. */
export function filesOf(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  return entries
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name))
    .sort();
}

/** The text of one file of the project. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** Every import of a file of the project by one of `files`. */
export function fileImports(files: string[]): FileImport[] {
  return files.flatMap((from) =>
    importsOf(textOf(from))
      .filter(({ specifier }) => specifier.startsWith("."))
      .map(({ specifier, typeOnly }) => ({ from, typeOnly, to: normalize(join(dirname(from), specifier)) })),
  );
}

/** Every import of a package or built-in module by one of `files`. */
export function packageImports(files: string[]): PackageImport[] {
  return files.flatMap((from) =>
    importsOf(textOf(from))
      .filter(({ specifier }) => !specifier.startsWith("."))
      .map(({ specifier }) => ({ from, package: packageOf(specifier) })),
  );
}

/** The folder below src/ that `file` lies in; the file's own name for src/main.ts and src/version.ts. */
export function areaOf(file: string): string {
  return file.split("/")[1] ?? "";
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}
