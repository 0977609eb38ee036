// Gives the tests a container engine: the one that answers already, or one started here for as long as they run.
// It must never stop an engine that it has not started.
import { closeSync, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerSocket } from "../../test/setup/docker.ts";
import { installed } from "./packages.ts";

const START_LIMIT_MS = 60_000;
const ASK_AGAIN_MS = 100;

/** Stops the engine if `startEngine` has started it. */
type EngineHandle = { stop: () => Promise<void> };

const NOT_OURS: EngineHandle = { stop: async () => {} };

/**
 * Returns once an engine answers on the tests' socket, starting one when there is none and this user may.
 * Without any it says so in one line and returns too: the tests that need one fail by themselves.
 */
export async function startEngine(): Promise<EngineHandle> {
  if (await answers()) return NOT_OURS;
  const hindrance = whyNotStart();
  if (hindrance === undefined) return launch();
  console.log(`no container engine answers on ${dockerSocket()}, and none is started: ${hindrance}`);
  return NOT_OURS;
}

function whyNotStart(): string | undefined {
  if (process.env.DOCKER_HOST) return "DOCKER_HOST names one";
  if (process.platform !== "linux") return "only done on Linux";
  if (process.getuid?.() !== 0) return "only root can";
  return installed("dockerd") ? undefined : "dockerd is not installed";
}

async function launch(): Promise<EngineHandle> {
  const logFile = join(mkdtempSync(join(tmpdir(), "cube-test-engine-")), "dockerd.log");
  const log = openSync(logFile, "a");
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const engine = Bun.spawn(["dockerd", "--host", `unix://${dockerSocket()}`], { env, stdout: log, stderr: log });
  closeSync(log);
  // However this run ends, it must not leave an engine behind.
  process.once("exit", () => engine.kill("SIGTERM"));
  console.log(`started a container engine for the tests, its log is ${logFile}`);
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await answers())) {
    if (engine.exitCode !== null) throw new Error(`dockerd ended with code ${engine.exitCode}, see ${logFile}`);
    if (performance.now() > deadline) throw new Error(`dockerd does not answer, see ${logFile}`);
    await Bun.sleep(ASK_AGAIN_MS);
  }
  return {
    stop: async () => {
      engine.kill("SIGTERM");
      await engine.exited;
    },
  };
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch("http://engine/_ping", { unix: dockerSocket(), signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}
