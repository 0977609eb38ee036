// A small disk in a file: an ext4 file system on a loop device, which can really be full. Needs root.
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./command.ts";

/** A mounted small disk. */
export class LoopDisk implements Disposable {
  /** A directory on it, for its owner only. */
  readonly directory: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "cube-loop-"));
  readonly #mount = join(this.#folder, "mount");
  readonly #ballast = join(this.#mount, "ballast");

  constructor(bytes: number) {
    const image = join(this.#folder, "image");
    mkdirSync(this.#mount);
    writeFileSync(image, "");
    truncateSync(image, bytes);
    run("mkfs.ext4", "-q", "-F", "-m", "0", image);
    run("mount", "-o", "loop", image, this.#mount);
    this.directory = join(this.#mount, "d");
    mkdirSync(this.directory, { mode: 0o700 });
  }

  /** Takes all room away, until `free`. */
  fillUp(): void {
    const { bavail, bsize } = statfsSync(this.#mount);
    // Some blocks go into describing the file itself: what is left of the room is written until nothing more fits.
    run("fallocate", "-l", String(Math.max(0, bavail - 64) * bsize), this.#ballast);
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${this.#ballast}2`, "bs=1k"], { stderr: "ignore" });
  }

  /** Gives the room back. */
  free(): void {
    for (const file of [this.#ballast, `${this.#ballast}2`]) rmSync(file, { force: true });
  }

  [Symbol.dispose](): void {
    if (existsSync(this.#mount)) Bun.spawnSync(["umount", "--lazy", this.#mount], { stderr: "ignore" });
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
