// Both stores through the one suite.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLevelStore } from "../../src/store/level.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { storeContract } from "./store.ts";

storeContract("memory", () => {
  const rows = new Map<string, string>();
  return { open: (nowMs) => createMemoryStore({ nowMs, rows }), dispose: async () => rows.clear() };
});

storeContract("level", () => {
  const directory = mkdtempSync(join(tmpdir(), "cube-store-"));
  return {
    open: (nowMs) => openLevelStore({ directory, nowMs }),
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
});
