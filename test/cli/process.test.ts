// What only a real process shows: pipes that close, signals, output that must not be cut off, the terminal's mode.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = join(import.meta.dir, "programs", "fake-cluster.ts");
const EXEC_PROGRAM = join(import.meta.dir, "programs", "echo-exec.ts");
const ENV = { PATH: process.env.PATH ?? "", HOME: "/nonexistent", BUN: process.execPath };

test("cli/process: a reader that goes away ends a follow quietly", async () => {
  const script = `"$BUN" "${PROGRAM}" logs -f web | head -n 3; echo "code \${PIPESTATUS[0]}"`;
  const run = Bun.spawnSync(["bash", "-c", script], { env: ENV });
  expect([run.stdout.toString(), run.stderr.toString()]).toEqual(["line 0\nline 1\nline 2\ncode 0\n", ""]);
});

test("cli/process: an interrupt ends a follow with 130 and a termination with 143, without a trace", async () => {
  const ends = [];
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = Bun.spawn([process.execPath, PROGRAM, "logs", "-f", "web"], {
      env: ENV,
      stdout: "pipe",
      stderr: "pipe",
    });
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill(signal);
    while (!(await reader.read()).done);
    ends.push([await child.exited, await new Response(child.stderr).text()]);
  }
  expect(ends).toEqual([
    [130, ""],
    [143, ""],
  ]);
});

test("cli/process: all of a large output arrives although the process ends behind it", async () => {
  const run = Bun.spawnSync(["bash", "-c", `"$BUN" "${PROGRAM}" status --json | tail -c 3`], { env: ENV });
  const whole = Bun.spawnSync(["bash", "-c", `"$BUN" "${PROGRAM}" status --json | grep -c '"message"'`], { env: ENV });
  expect([run.stdout.toString(), whole.stdout.toString()]).toEqual(["\n]\n", "5000\n"]);
});

test("cli/process: output that cannot be written is a failure, not silence", () => {
  const ends = ["node", "status --json", "logs -f web"].map((line) => {
    const run = Bun.spawnSync(["bash", "-c", `"$BUN" "${PROGRAM}" ${line} >/dev/full`], { env: ENV });
    return [run.exitCode, run.stderr.toString()];
  });
  expect(ends).toEqual(
    [1, 1, 1].map((code) => [code, "cube: the output cannot be written: ENOSPC: no space left on device, write\n"]),
  );
});

test("cli/process: a wrong command line is an error on standard error and exit code 2", () => {
  const run = Bun.spawnSync([process.execPath, PROGRAM, "stauts"], { env: ENV });
  expect([run.exitCode, run.stdout.toString(), run.stderr.toString()]).toEqual([
    2,
    "",
    'cube: unknown command "stauts"\ndid you mean "status"?\n',
  ]);
});

test("cli/process: exec -it makes the terminal raw and leaves it as it was, after an end and after a kill by a signal", () => {
  const folder = mkdtempSync(join(tmpdir(), "cube-tty-"));
  try {
    const round = (end: string) =>
      `END=${end} "$BUN" "${EXEC_PROGRAM}" exec -it web sh; echo "code $?"; stty -a >after; cmp before after && echo same\n`;
    writeFileSync(join(folder, "run.sh"), `stty -a >before\n${round("normal")}${round("signal")}`);
    // `script` gives the shell a terminal of its own.
    const run = Bun.spawnSync(["script", "-qec", "bash run.sh", "/dev/null"], {
      cwd: folder,
      env: { ...ENV, TERM: "xterm" },
      stdin: Buffer.from(""),
    });
    expect(run.stdout.toString().replaceAll("\r", "")).toBe("raw\ncode 5\nsame\nraw\ncode 143\nsame\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
