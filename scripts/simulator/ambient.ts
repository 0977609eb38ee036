// While seeds run, nothing may look at the clock, at chance or at a timer: whatever does so throws, and the run fails by name.

const NAMES = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "fetch",
  "Date",
  "crypto",
  "performance",
] as const;

/** Does `run`, which is synchronous, with all ambient time and chance out of reach. */
export function withoutAmbient<T>(run: () => T): T {
  const kept = NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  const random = Math.random;
  for (const name of NAMES) Object.defineProperty(globalThis, name, { configurable: true, get: () => refuse(name) });
  Math.random = () => refuse("Math.random");
  try {
    return run();
  } finally {
    Math.random = random;
    for (const [name, descriptor] of kept) {
      if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
    }
  }
}

function refuse(name: string): never {
  throw new Error(`a machine or the simulator touches ${name}: time and chance are arguments`);
}
