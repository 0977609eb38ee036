/**
 * Small files that must survive a power cut: written beside, synced, renamed into place, and the directory synced.
 * A reader sees the old content or the new one, never a part.
 */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Replaces the file's content, durably; mode 0600. Rejects with the file system's error. */
export async function writeDurably(file: string, content: string): Promise<void> {
  const beside = `${file}.new`;
  const handle = await open(beside, "w", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  await syncDirectory(dirname(file));
}

/** Makes the names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
