import { expect, test } from "bun:test";
import { DetachScanner, readDetachKeys } from "../../src/cli/detach-keys.ts";
import type { ExecStream } from "../../src/client/cluster-client.ts";
import { FakeShell, until } from "./fake-shell.ts";

/** A command in a task: what it was given, and what the test makes it say. */
class FakeExec implements ExecStream {
  readonly input: string[] = [];
  readonly sizes: string[] = [];
  inputClosed = false;
  closed = false;
  readonly #queue: { stream: "stdout" | "stderr"; data: Uint8Array }[] = [];
  #wake: () => void = () => {};
  #ended = false;
  readonly #exit = Promise.withResolvers<number | null>();
  readonly exitCode = this.#exit.promise;

  readonly output = { [Symbol.asyncIterator]: () => this.#pieces() };

  say(stream: "stdout" | "stderr", text: string): void {
    this.#queue.push({ stream, data: new TextEncoder().encode(text) });
    this.#wake();
  }

  end(code: number | null): void {
    this.#ended = true;
    this.#exit.resolve(code);
    this.#wake();
  }

  async write(data: Uint8Array): Promise<void> {
    this.input.push(new TextDecoder().decode(data));
  }

  closeInput(): void {
    this.inputClosed = true;
  }

  resize(columns: number, rows: number): void {
    this.sizes.push(`${columns}x${rows}`);
  }

  close(): void {
    this.closed = true;
    this.end(null);
  }

  async *#pieces() {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

function withExec(): { shell: FakeShell; exec: FakeExec } & Disposable {
  const [shell, exec] = [new FakeShell(), new FakeExec()];
  shell.client.execStream = exec;
  return { shell, exec, [Symbol.dispose]: () => shell[Symbol.dispose]() };
}

test("cli/exec: the command's streams are ours and its exit code is ours", async () => {
  using at = withExec();
  at.exec.say("stdout", "out\u001b[31m");
  at.exec.say("stderr", "err");
  at.exec.end(42);
  expect(await at.shell.run("exec", "web", "--", "ls", "-l")).toEqual({ code: 42, out: "out\u001b[31m", err: "err" });
  expect(at.shell.client.execs).toEqual([
    { ref: "web", options: { command: ["ls", "-l"], tty: false, stdin: false, columns: 80, rows: 24 } },
  ]);
  expect([at.exec.inputClosed, at.exec.closed, at.shell.stdin.isOpen]).toEqual([true, true, false]);
});

test("cli/exec: without a command a shell is asked for", async () => {
  using at = withExec();
  at.exec.end(0);
  await at.shell.run("exec", "web");
  expect(at.shell.client.execs[0]?.options.command).toEqual([]);
});

test("cli/exec -i: standard input is passed on up to its end, in no special mode", async () => {
  using at = withExec();
  const running = at.shell.run("exec", "-i", "web", "cat");
  await until(() => at.shell.stdin.isOpen);
  void at.shell.stdin.type("hello \u0010\u0011");
  at.shell.stdin.end();
  at.exec.end(0);
  expect(await running).toEqual({ code: 0, out: "", err: "" });
  expect([at.exec.input, at.exec.inputClosed, at.shell.stdin.modes]).toEqual([["hello \u0010\u0011"], true, []]);
});

test("cli/exec -i: no more of standard input is read than the command takes; keys of a terminal are read on", async () => {
  const gate = Promise.withResolvers<void>();
  const taken = [];
  for (const line of ["-i", "-it"]) {
    using at = withExec();
    at.exec.write = () => gate.promise;
    at.shell.stdin.isTTY = line === "-it";
    const running = at.shell.run("exec", line, "web", "sleep");
    await until(() => at.shell.stdin.isOpen);
    taken.push(at.shell.stdin.type("more"));
    at.shell.interrupt(130);
    await running;
  }
  expect(taken).toEqual([gate.promise, undefined]);
});

test("cli/exec -it: the terminal is raw while the command runs, and put back after it; its size follows", async () => {
  using at = withExec();
  at.shell.stdin.isTTY = true;
  at.shell.stdout.columns = 120;
  const running = at.shell.run("exec", "-it", "web", "sh");
  await until(() => at.shell.stdin.isOpen);
  void at.shell.stdin.type("ls\u0003\r");
  at.shell.resize(100, 30);
  at.exec.end(0);
  expect((await running).code).toBe(0);
  expect([at.exec.input, at.exec.sizes, at.shell.stdin.modes, at.shell.client.execs[0]?.options.columns]).toEqual([
    ["ls\u0003\r"],
    ["100x30"],
    [true, false],
    120,
  ]);
});

test("cli/exec -it: the detach keys leave the command and put the terminal back", async () => {
  using at = withExec();
  at.shell.stdin.isTTY = true;
  const running = at.shell.run("exec", "-it", "web");
  await until(() => at.shell.stdin.isOpen);
  void at.shell.stdin.type("x\u0010");
  void at.shell.stdin.type("\u0011y");
  expect(await running).toEqual({ code: 0, out: "", err: "\r\ncube: left; the command runs on\r\n" });
  expect([at.exec.input, at.exec.closed, at.shell.stdin.modes]).toEqual([["x"], true, [true, false]]);
});

test("cli/exec: an interrupt closes the session, puts the terminal back and exits with 130", async () => {
  using at = withExec();
  at.shell.stdin.isTTY = true;
  const running = at.shell.run("exec", "-it", "web");
  await until(() => at.shell.stdin.isOpen);
  at.shell.interrupt(130);
  expect(await running).toEqual({ code: 130, out: "", err: "" });
  expect([at.exec.closed, at.shell.stdin.modes]).toEqual([true, [true, false]]);
});

test("cli/exec: a terminal is not promised where standard input is none", async () => {
  using at = withExec();
  expect(await at.shell.run("exec", "-it", "web")).toEqual({
    code: 2,
    out: "",
    err: "cube: standard input is no terminal\nleave -t out to pass it on as it is\n",
  });
  expect(at.shell.client.execs).toEqual([]);
});

test("cli/exec: an end without an exit code is a failure in words", async () => {
  using at = withExec();
  at.exec.end(null);
  expect(await at.shell.run("exec", "web", "true")).toEqual({
    code: 1,
    out: "",
    err: "cube: the command has ended, but its exit code is not known\n",
  });
});

function typed(keys: string, ...pieces: string[]): { sent: string; detached: boolean } {
  const scanner = new DetachScanner(readDetachKeys(keys));
  let sent = "";
  for (const piece of pieces) {
    const { data, detached } = scanner.take(new TextEncoder().encode(piece));
    sent += new TextDecoder().decode(data);
    if (detached) return { sent, detached };
  }
  return { sent, detached: false };
}

test("cli/detach keys: they work across pieces, and a beginning that leads nowhere goes through", () => {
  expect([
    typed("ctrl-p,ctrl-q", "ab\u0010", "\u0011cd"),
    typed("ctrl-p,ctrl-q", "\u0010x\u0010", "\u0010\u0011"),
    typed("ctrl-p,ctrl-q", "\u0010"),
    typed("a,ctrl-]", "aa", "a\u001d"),
    typed("", "\u0010\u0011"),
  ]).toEqual([
    { sent: "ab", detached: true },
    { sent: "\u0010x\u0010", detached: true },
    { sent: "", detached: false },
    { sent: "aa", detached: true },
    { sent: "\u0010\u0011", detached: false },
  ]);
});

test("cli/detach keys: what is no key is refused", () => {
  expect(() => readDetachKeys("ctrl-p,escape")).toThrow('--detach-keys "ctrl-p,escape": "escape" is no key');
});
