// A screen that is left, and the manager that goes on behind it.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Machine } from "./processes.ts";

/** Ends the manager in the background with the test, whatever the test came to. */
async function withBackground(act: (machine: Machine, data: readonly string[]) => Promise<void>): Promise<void> {
  await using machine = new Machine();
  const data = ["--data-dir", machine.dataOf("manager")];
  try {
    await act(machine, data);
  } finally {
    await machine.run("shutdown", ...data);
  }
}

test(
  "roles: a read-only screen that is left leaves its manager in the background, for another such screen",
  () =>
    withBackground(async (machine, data) => {
      await using first = machine.screen("--read-only", "-p", "0", "--runtime", "process", ...data);
      await first.until("read-only");
      await first.until("manager ok");
      first.send("q");
      expect(await first.exit()).toBe(0);
      expect(first.text()).toContain("goes on in the background");
      await using second = machine.screen("attach", "--read-only", ...data);
      await second.until("attached");
      await second.until("This view is read-only");
      second.send("q");
      expect(await second.exit()).toBe(0);
    }),
  90_000,
);

test(
  "roles: a log that cannot be written is said once, and keeps nobody from starting or from going on",
  () =>
    withBackground(async (machine, data) => {
      writeFileSync(join(machine.home, "file"), "");
      const log = join(machine.home, "file", "cube.log");
      await using screen = machine.screen("-p", "0", "--runtime", "process", "--log-file", log, ...data);
      await screen.until("manager ok");
      screen.send("q");
      expect(await screen.exit()).toBe(0);
      const said = screen.text().replaceAll("\n", "");
      expect(said).toContain(`cube: no log is kept, ${log} cannot be written: EEXIST`);
      expect(said).toContain("goes on in the background");
    }),
  90_000,
);
