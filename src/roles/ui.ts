/** `cube` and `cube attach`: the full-screen UI, on a manager in this process or on one that runs already. */
import { explainError } from "../cli/cli-error.ts";
import type { ClusterClient } from "../client/cluster-client.ts";
import { createHttpClient } from "../client/http-client.ts";
import type { Config } from "../config/config.ts";
import { runUi, type UiEnd } from "../tui/run.ts";
import { unusable } from "../tui/terminal/screen.ts";
import { goToBackground } from "./background.ts";
import { contradiction, type RoleName } from "./options.ts";
import { openLog } from "./own-log.ts";
import { readSeen, writeSeen } from "./seen.ts";
import { type Stack, startStack } from "./stack.ts";

/** The UI with manager and worker; attaches when another process has the data directory. The exit code. */
export async function runUiRole(config: Config): Promise<number> {
  const refused = refuseTerminal() ?? refuseOptions(config, "ui");
  if (refused !== undefined) return refused;
  const log = openLog(config);
  const started = await startStack(config, log);
  if (started.ok) return runInProcess(config, started.value);
  if (started.failure.kind === "conflict" && !config.manager.adopt)
    return attachTo(config, { kind: "unix", path: config.socket }, COMING_UP_MS);
  process.stderr.write(`cube: ${started.failure.message}\n`);
  return 1;
}

/** The UI on the configured manager. The exit code. */
export async function runAttachRole(config: Config): Promise<number> {
  return refuseTerminal() ?? refuseOptions(config, "attach") ?? attachTo(config, config.target);
}

async function runInProcess(config: Config, stack: Stack): Promise<number> {
  const end = await show(config, { client: stack.client, mode: "in-process", ended: stack.shutdown });
  if (end === undefined) return 2;
  if (end.quit === "stop") {
    const running = stack.running();
    await stack.close();
    farewell(end, `the manager is stopped. ${stopped(running)}`);
    return end.exitCode;
  }
  const background = await goToBackground(config, stack);
  if ("problem" in background) {
    process.stderr.write(
      `cube: the manager did not come up in the background (${background.problem}): see ${config.log.file}\n`,
    );
    return 1;
  }
  farewell(
    end,
    `the manager goes on in the background (pid ${background.pid}). \`cube\` brings the screen back, \`cube shutdown\` ends it`,
  );
  return end.exitCode;
}

/** For how long a manager that holds the data directory may be on its way up. */
const COMING_UP_MS = 10_000;

async function attachTo(config: Config, target: Config["target"], patienceMs = 0): Promise<number> {
  const client = createHttpClient({ target });
  try {
    const manager = await patiently(() => client.manager(), patienceMs);
    const end = await show(config, { client, mode: "attached", ended: new Promise(() => {}) });
    if (end === undefined) return 2;
    if (end.quit === "stop" && end.signal === undefined) {
      await client.shutdown();
      farewell(
        end,
        `the manager (pid ${manager.pid}) is asked to end. Its tasks go on without health checks and restarts`,
      );
    }
    return end.exitCode;
  } catch (error) {
    const { text, exitCode } = explainError(error);
    process.stderr.write(text);
    return exitCode;
  } finally {
    await client.close();
  }
}

/** A terminal that does not read gets no last line: the write would wait for it, and the exit with it. */
function farewell(end: UiEnd, text: string): void {
  if (!end.stalled) process.stdout.write(`cube: ${text}\n`);
}

async function show(
  config: Config,
  on: { readonly client: ClusterClient; readonly mode: "in-process" | "attached"; readonly ended: Promise<void> },
): Promise<UiEnd | undefined> {
  const end = await runUi({
    client: on.client,
    mode: on.mode,
    logFile: config.log.file,
    readOnly: config.manager.readOnly,
    ended: on.ended,
    seen: readSeen(config),
  });
  if (end.kind === "ended") {
    if (end.seen !== undefined) writeSeen(config, end.seen);
    return end;
  }
  process.stderr.write(`cube: ${end.message}\n`);
  return undefined;
}

/** The answer, asked for again for a while until there is one. */
async function patiently<T>(ask: () => Promise<T>, patienceMs: number): Promise<T> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() >= untilMs) throw error;
      await Bun.sleep(100);
    }
  }
}

/** Said before anything is started: a terminal that cannot carry the UI costs nothing. */
function refuseTerminal(): number | undefined {
  const problem = unusable(process.env, { stdin: process.stdin.isTTY === true, stdout: process.stdout.isTTY === true });
  if (!problem) return undefined;
  process.stderr.write(`cube: ${problem.message}\n`);
  return 2;
}

function refuseOptions(config: Config, role: RoleName): number | undefined {
  const wrong = contradiction(config, role);
  if (wrong === undefined) return undefined;
  process.stderr.write(`cube: ${wrong}\n`);
  return 2;
}

function stopped(running: number): string {
  if (running === 0) return "No task runs";
  const tasks = running === 1 ? "1 task goes" : `${running} tasks go`;
  return `${tasks} on without health checks and restarts until \`cube\` runs again`;
}
