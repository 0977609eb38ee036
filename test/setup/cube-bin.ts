// Where the tests find the compiled executable. They must run a copy that lies away from node_modules: an executable
// that still needs them works on the build machine and nowhere else.
import { existsSync } from "node:fs";

/** The executable under test, from CUBE_BIN; fails the test when scripts/test has not built one. */
export function cubeBin(): string {
  const file = process.env.CUBE_BIN;
  if (file === undefined || file === "") throw new Error("CUBE_BIN is not set: run this test by scripts/test");
  if (!existsSync(file)) throw new Error(`CUBE_BIN names ${file}, which is not there`);
  return file;
}
