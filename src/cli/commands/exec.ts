/** `cube exec`: a command inside a running task, with our streams as its own and its exit code as ours. The terminal is always put back. */
import type { ExecOptions, ExecStream } from "../../client/cluster-client.ts";
import { CommandFailed, UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { DEFAULT_DETACH_KEYS, DetachScanner, readDetachKeys } from "../detach-keys.ts";

export const EXEC: CommandSpec = {
  name: "exec",
  usage: ["[OPTIONS] TASK [-- COMMAND...]"],
  summary: "run a command inside a task; without one a shell, /bin/sh",
  details: ["Its exit code is the command's. `cube exec -it TASK` opens a shell to work in."],
  parameters: ["<task>", "[command...]"],
  passThrough: true,
  groups: [
    {
      title: "Options:",
      options: [
        { flags: "-i, --interactive", about: "pass standard input on" },
        { flags: "-t, --tty", about: "give the command a terminal" },
        { flags: "--detach-keys <KEYS>", about: `leave it running by these keys (${DEFAULT_DETACH_KEYS})` },
      ],
    },
    TARGET_OPTIONS,
  ],
  completes: "task",
  run: runExec,
};

async function runExec(context: Context): Promise<number> {
  const { io, flags } = context;
  const [ref = "", ...command] = context.args;
  const options: ExecOptions = {
    command,
    tty: flags.tty === true,
    stdin: flags.interactive === true,
    columns: io.stdout.columns,
    rows: io.stdout.rows,
  };
  const keys = readDetachKeys(textFlag(flags, "detachKeys") ?? DEFAULT_DETACH_KEYS);
  if (options.tty && options.stdin && !io.stdin.isTTY) {
    throw new UsageError("standard input is no terminal", "leave -t out to pass it on as it is");
  }
  const client = await context.client();
  return await attach(context, { options, keys, stream: await client.exec(ref, options) });
}

interface Session {
  readonly options: ExecOptions;
  readonly keys: Uint8Array;
  readonly stream: ExecStream;
}

async function attach(context: Context, session: Session): Promise<number> {
  const { stream, options } = session;
  let detached = false;
  using open = new DisposableStack();
  open.defer(() => stream.close());
  const onAbort = () => stream.close();
  context.signal.addEventListener("abort", onAbort, { once: true });
  open.defer(() => context.signal.removeEventListener("abort", onAbort));
  if (options.tty)
    open.use(context.io.onResize(() => stream.resize(context.io.stdout.columns, context.io.stdout.rows)));
  const onDetach = () => {
    detached = true;
    stream.close();
  };
  if (options.stdin) open.use(passInput(context, session, onDetach));
  else stream.closeInput();
  await passOutput(context, stream);
  if (detached) return sayDetached(context);
  if (context.signal.aborted) throw context.signal.reason;
  const code = await stream.exitCode;
  if (code === null) throw new CommandFailed("the command has ended, but its exit code is not known");
  return code;
}

/** Raw only while a terminal is joined to a terminal: a pipe has no keys, and a command without one would see no line end. */
function passInput(context: Context, { stream, options, keys }: Session, onDetach: () => void): Disposable {
  const open = new DisposableStack();
  const { stdin } = context.io;
  const raw = options.tty && stdin.isTTY;
  if (raw) {
    stdin.setRawMode(true);
    open.defer(() => stdin.setRawMode(false));
  }
  const scanner = new DetachScanner(raw ? keys : new Uint8Array());
  const onData = (input: Uint8Array): Promise<void> | undefined => {
    const { data, detached } = scanner.take(input);
    const taken = data.length > 0 ? stream.write(data) : undefined;
    if (detached) onDetach();
    // Keys are read on whatever the command takes: the detach keys may be among them.
    return raw ? undefined : taken;
  };
  open.use(stdin.open({ onData, onEnd: () => stream.closeInput() }));
  return open;
}

/** The command's bytes as they are: here it is the user who asked for a terminal, or for the command's own output. */
async function passOutput(context: Context, stream: ExecStream): Promise<void> {
  for await (const { stream: name, data } of stream.output) {
    const output = name === "stderr" ? context.io.stderr : context.io.stdout;
    output.write(data);
    await output.ready();
  }
}

function sayDetached(context: Context): number {
  context.io.stderr.write("\r\ncube: left; the command runs on\r\n");
  return 0;
}
