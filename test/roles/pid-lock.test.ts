import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takePidLock } from "../../src/roles/pid-lock.ts";
import { until } from "../e2e/until.ts";

const statOf = (pid: number): string[] => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
};

test.skipIf(process.platform !== "linux")(
  "roles: a process that was killed has no data directory any more, even before its parent has looked",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "cube-lock-"));
    // The shell becomes a sleep that never looks after the child which the shell began.
    const parent = Bun.spawn(["sh", "-c", "sleep 600 & echo $!; exec sleep 600"], { stdout: "pipe" });
    try {
      const { value } = await parent.stdout.getReader().read();
      const pid = Number(new TextDecoder().decode(value));
      const file = join(directory, "lock");
      writeFileSync(file, `${pid} ${statOf(pid)[19]}\n`);
      expect(takePidLock(file)).toMatchObject({ ok: false, failure: { kind: "conflict" } });
      // Before that the shell would look after it.
      await until("the shell has become a sleep", () => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n");
      process.kill(pid, "SIGKILL");
      await until("it is dead", () => statOf(pid)[0] === "Z");
      const taken = takePidLock(file);
      expect(taken.ok).toBe(true);
      if (taken.ok) taken.value[Symbol.dispose]();
    } finally {
      parent.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
);
