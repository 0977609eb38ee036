// A small file system for the full-disk tests: a tmpfs of its own, unmounted at the end. Needs root; whoever is not root sees these tests
// skipped on a machine of their own, and failing under CI.
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A mounted small disk. */
export interface SmallDisk extends Disposable {
  readonly directory: string;
  /** Takes that many bytes away, until `free`. */
  fill(bytes: number): void;
  /** Takes all that is left away, until `free`. */
  fillUp(): void;
  free(): void;
}

/** Whether full-disk tests are left out: only for a user who is not root, never under CI. */
export function fullDiskSwitchedOff(): boolean {
  return process.getuid?.() !== 0 && process.env.CI !== "true";
}

/** Mounts a tmpfs of that size (as mount's option takes it); throws when it cannot. */
export function makeSmallDisk(size: string): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), "cube-small-disk-"));
  run("mount", "-t", "tmpfs", "-o", `size=${size},mode=0700`, "cube-test", directory);
  const ballast = join(directory, "ballast");
  const fill = (bytes: number): void => writeFileSync(ballast, Buffer.alloc(bytes, 1));
  return {
    directory,
    fill,
    fillUp: () => {
      const { bavail, bsize } = statfsSync(directory);
      fill(bavail * bsize);
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]: () => {
      run("umount", "--lazy", directory);
      rmSync(directory, { recursive: true });
    },
  };
}

function run(...command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (!success) throw new Error(`full-disk tests need root and a tmpfs: ${command.join(" ")}: ${stderr}`);
}
