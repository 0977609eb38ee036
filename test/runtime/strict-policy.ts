/** The policy that most tests of containers run under. */
import type { RuntimePolicy } from "../../src/runtime/policy.ts";

/** Allows nothing but the sandbox. */
export const STRICT_POLICY: RuntimePolicy = {
  allowBind: [],
  allowPrivileged: false,
  allowHostNetwork: false,
  allowHostNamespaces: [],
  allowDevice: [],
  allowCap: [],
  allowEngineSocket: false,
  protect: [],
};
