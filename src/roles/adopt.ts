/** `--adopt`: before a manager begins, it takes in what the workers run and says so. Never done unless it was asked for. */
import type { Config } from "../config/config.ts";
import { isLoopback } from "../core/address.ts";
import { ok, type Result } from "../core/failure.ts";
import type { Log } from "../log/log.ts";
import { type AdoptOptions, adopt } from "../manager/adopt-host.ts";
import { adoptionLines, summaryOf } from "../manager/adoption.ts";
import type { ManagerHostOptions } from "../manager/host.ts";
import type { Store, WorkerLinks } from "../manager/ports.ts";
import { systemClock } from "./clock.ts";
import { userName } from "./names.ts";

/** Asks the workers, prints what they run, and makes it durable; gives how the manager is to open its store afterwards. */
export async function adoptWorkers(
  config: Config,
  log: Log,
  on: {
    readonly clusterId: string;
    readonly store: Store;
    readonly links: WorkerLinks;
    /** Addresses of workers that people added while a manager ran. */
    readonly added: readonly string[];
    readonly begin: AdoptOptions["begin"];
  },
): Promise<Result<NonNullable<ManagerHostOptions["takeOver"]>>> {
  const { host, localWorker, keepLocalWorker, workers } = config.manager;
  const say = (line: string) => {
    log.info(line);
    process.stderr.write(`cube: ${line}\n`);
  };
  say("adopting: the workers are asked what they run; nothing is started or stopped meanwhile");
  const adopted = await adopt({
    ...on,
    clock: systemClock(),
    actor: `adopt:${userName()}`,
    localWorker,
    keepLocalWorker,
    remoteWorkers: workers.length + on.added.length > 0 || !localWorker || !isLoopback(host),
  });
  if (!adopted.ok) return adopted;
  for (const line of adoptionLines(adopted.value)) say(line);
  const { aboveTerm, doubles } = adopted.value;
  return ok({ aboveTerm, doubles, notice: summaryOf(adopted.value) });
}
