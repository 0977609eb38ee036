/** The log of this process. That it cannot be written is said once, at the start: everything else goes on without it. */
import type { Config } from "../config/config.ts";
import { createLog, type FileLog } from "../log/log.ts";

/** Opens the configured log, with a line on standard error when it cannot be written. */
export function openLog({ log: { file, level } }: Config): FileLog {
  const log = createLog({ file, level });
  if (log.problem !== "") process.stderr.write(`cube: no log is kept, ${file} cannot be written: ${log.problem}\n`);
  return log;
}
