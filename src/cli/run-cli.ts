/**
 * The way from a command line to an exit code: parse, run one command, explain what went wrong. Nothing gets past it as an exception, and nothing prints a
 * stack. Whoever calls it should end the process with the code it gives, for a command that was interrupted may leave a connection behind.
 */
import type { ClusterClient } from "../client/cluster-client.ts";
import { type Config, loadConfig, type Role } from "../config/config.ts";
import type { Flags } from "../config/sources.ts";
import type { Target } from "../core/target.ts";
import { EXIT, explainError } from "./cli-error.ts";
import type { CommandSpec, Context, Roles, WhatIf } from "./command-spec.ts";
import { TARGET_KEYS } from "./common-options.ts";
import type { CliIo } from "./io.ts";
import type { Invocation } from "./program.ts";
import { asksForVersion, versionLine } from "./version-line.ts";

/** Everything outside of a command that a command needs. */
export interface Shell {
  readonly io: CliIo;
  readonly roles: Roles;
  /** Makes the client of a target; it need not have connected yet. */
  connect(target: Target): Promise<ClusterClient>;
  readonly whatIf: WhatIf;
}

/** How long a command may take to tidy up once it was interrupted, and a client to close. */
const TIDY_MS = 1_000;

/** Runs one command line (without the program's own name). Never rejects. */
export async function runCli(argv: readonly string[], shell: Shell): Promise<number> {
  const code = await explained(shell.io, async () => {
    const result = await versionOrCommand(argv, shell);
    await shell.io.flush();
    return result;
  });
  // What an error left to say still has to leave; that it cannot is no second error.
  await shell.io.flush().catch(() => {});
  return code;
}

/** The exit code of an act; what went wrong is on standard error then. */
async function explained(io: CliIo, act: () => Promise<number>): Promise<number> {
  try {
    return await act();
  } catch (error) {
    const { text, exitCode } = explainError(error);
    if (text !== "") io.stderr.write(text);
    return exitCode;
  }
}

async function versionOrCommand(argv: readonly string[], shell: Shell): Promise<number> {
  if (!asksForVersion(argv)) return await parseAndRun(argv, shell);
  shell.io.stdout.write(versionLine());
  return EXIT.ok;
}

async function parseAndRun(argv: readonly string[], shell: Shell): Promise<number> {
  const [{ parseCommandLine }, { ROOT }] = await Promise.all([import("./program.ts"), import("./commands/root.ts")]);
  const parsed = parseCommandLine(ROOT, argv);
  if (parsed.kind === "run") return await runCommand(parsed.invocation, { shell, root: ROOT });
  shell.io.stdout.write(parsed.text);
  return EXIT.ok;
}

async function runCommand(invocation: Invocation, at: { shell: Shell; root: CommandSpec }): Promise<number> {
  const { shell } = at;
  const isClient = (invocation.spec.role ?? "client") === "client";
  // Manager and UI end in their own way and time: for them signals stay what they are.
  using end = isClient ? shell.io.watchForEnd() : null;
  const signal = end?.signal ?? new AbortController().signal;
  const holder: { client: Promise<ClusterClient> | null } = { client: null };
  try {
    return await orInterrupted(invocation.spec.run(contextOf(invocation, { ...at, signal, holder })), signal);
  } finally {
    if (holder.client !== null) await closeQuietly(holder.client);
  }
}

function contextOf(
  invocation: Invocation,
  at: { shell: Shell; root: CommandSpec; signal: AbortSignal; holder: { client: Promise<ClusterClient> | null } },
): Context {
  const { shell, holder } = at;
  const { io } = shell;
  const role = roleOf(invocation);
  const config = (flags: Flags = invocation.flags): Config =>
    loadConfig(
      { env: io.env, home: io.home, cwd: io.cwd },
      { flags: role === "client" ? targetFlags(flags) : flags, role },
    );
  return {
    io,
    args: invocation.args,
    flags: invocation.flags,
    roles: shell.roles,
    signal: at.signal,
    root: at.root,
    whatIf: shell.whatIf,
    config,
    client: (flags) => {
      holder.client ??= shell.connect(config(flags).target);
      return holder.client;
    },
  };
}

/** `cube --headless worker` is another spelling of `cube worker`, down to what it allows by default. */
function roleOf({ spec, flags }: Invocation): Role {
  return flags.headless === "worker" ? "worker" : (spec.role ?? "client");
}

/** A command's own flags (a task's name, its labels) are no configuration, whatever they are called. */
function targetFlags(flags: Flags): Flags {
  return Object.fromEntries(Object.entries(flags).filter(([key]) => (TARGET_KEYS as readonly string[]).includes(key)));
}

/** The command's own end, or the interruption's once the command had time to tidy up. An interrupted command never counts as done. */
async function orInterrupted(running: Promise<number>, signal: AbortSignal): Promise<number> {
  let timer: Timer | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    const give = () => {
      timer = setTimeout(() => reject(signal.reason), TIDY_MS);
    };
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });
  try {
    const code = await Promise.race([running, interrupted]);
    if (signal.aborted) throw signal.reason;
    return code;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Closes what there is to close, but waits for no connection that hangs. */
async function closeQuietly(client: Promise<ClusterClient>): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TIDY_MS);
  });
  try {
    await Promise.race([client.then((open) => open.close()), late]);
  } catch {
    // The command has said already what went wrong with this connection.
  } finally {
    clearTimeout(timer);
  }
}
