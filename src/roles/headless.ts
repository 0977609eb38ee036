/** `cube --headless`: manager, worker or both without a screen, until a signal or the API ends them. Tasks go on. */
import { remarks } from "../client/remarks.ts";
import type { Config } from "../config/config.ts";
import { addressText } from "../core/address.ts";
import { endSignal } from "./end-signal.ts";
import { contradiction } from "./options.ts";
import { openLog } from "./own-log.ts";
import { startStack } from "./stack.ts";
import { openSuccession } from "./succession.ts";
import { runWorker } from "./worker.ts";

/** Runs until it is ended; the exit code. `manager` is without a worker of its own. */
export async function runHeadless(config: Config, which: "all" | "manager" | "worker"): Promise<number> {
  const wrong = contradiction(config, which);
  if (wrong !== undefined) {
    process.stderr.write(`cube: ${wrong}\n`);
    return 2;
  }
  if (which === "worker") return runWorker(config);
  return runManager(which === "all" ? config : { ...config, manager: { ...config.manager, localWorker: false } });
}

async function runManager(config: Config): Promise<number> {
  const log = openLog(config);
  const signal = endSignal();
  const started = await startStack(config, log, openSuccession());
  if (!started.ok) {
    log.error(started.failure.message);
    process.stderr.write(`cube: ${started.failure.message}\n`);
    return 1;
  }
  const stack = started.value;
  const at = addressText({ host: config.manager.host, port: stack.port });
  process.stdout.write(`cube: manager of cluster ${stack.clusterId.slice(0, 8)} on ${config.socket} and ${at}\n`);
  for (const remark of remarks(await stack.client.manager())) process.stderr.write(`cube: ${remark}\n`);
  const why = await Promise.race([signal, stack.shutdown.then(() => "a request")]);
  log.info(`ending on ${why}; ${stack.running()} tasks go on`);
  await stack.close();
  return 0;
}
