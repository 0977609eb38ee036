// The build replaces single files inside other people's packages. A replacement is only right for the version it was
// written against, so every plugin asks here first; an unknown version must fail the build, never be patched on trust.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The root folder of the package that `file` belongs to.
 * Throws when it is not the one version that the plugin was written for.
 */
export function knownPackage(file: string, name: string, version: string): string {
  const root = packageRoot(file);
  const found = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string; version: string };
  if (found.name === name && found.version === version) return root;
  throw new Error(
    `scripts/build knows ${name} ${version}, but ${found.name} ${found.version} is installed (${root}): ` +
      "read the file it replaces again, adapt the plugin under scripts/build/, then raise the version there",
  );
}

function packageRoot(file: string): string {
  let folder = dirname(file);
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`${file} is in no package`);
    folder = parent;
  }
  return folder;
}
