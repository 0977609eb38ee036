/** The flags of `cube run` that bear upon where a task goes, for an image that `cube sim` is asked about. */
import type { OptionSpec } from "./command-spec.ts";
import { TASK_GROUPS } from "./run-options.ts";

/** Long flags of `cube run`, by the key of their value. */
const KEYS = {
  "--name": "name",
  "--count": "count",
  "--cpus": "cpus",
  "--memory": "memory",
  "--disk": "disk",
  "--publish": "publish",
  "--volume": "volume",
  "--constraint": "constraint",
  "--runtime": "runtime",
  "--restart": "restart",
} as const;

/** Flag and key of each. */
export const TASK_OPTIONS = Object.entries(KEYS).map(([flag, key]) => ({ flag, key }));

/** Their declarations, the same as of `cube run`. */
export const TASK_OPTION_SPECS: readonly OptionSpec[] = TASK_GROUPS.flatMap(({ options }) => options).filter(
  ({ flags }) => TASK_OPTIONS.some(({ flag }) => new RegExp(`(^|\\s)${flag}(\\s|$)`).test(flags)),
);
