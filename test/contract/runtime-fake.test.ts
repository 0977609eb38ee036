/** The fake keeps the contract that the real runtimes keep: what is learned on it holds for them. */
import { FakeEngine, type FakeProgram, FakeRuntime } from "../fakes/runtime.ts";
import { COMMANDS, PLAIN, runtimeContract, SCRIPTS } from "./runtime.ts";

const line = (text: string, stream: "stdout" | "stderr" = "stdout") => ({ stream, text });

const PROGRAMS: Readonly<Record<string, FakeProgram>> = {
  [SCRIPTS.run]: {},
  [SCRIPTS.exit]: { exitCode: 3 },
  [SCRIPTS.print]: { output: [line("one"), line("two"), line("three")] },
  [SCRIPTS.both]: { output: [line("out"), line("err", "stderr")], exitCode: 0 },
  [SCRIPTS.stubborn]: { output: [line("ready")], ignoresSignals: true },
};

const engine = new FakeEngine({
  refuse: (spec) => (spec.image === "impossible" ? "image impossible: as its name says" : ""),
  program: (spec) => PROGRAMS[spec.command[0] ?? ""] ?? {},
  command: ({ command }) =>
    command === COMMANDS.fail
      ? { output: [line("out\n"), line("err\n", "stderr")], exitCode: 7 }
      : { exitCode: 0, echoes: true },
});
engine.images.add("image:1");

runtimeContract({
  name: "fake",
  spec: (script) => ({ ...PLAIN, image: "image:1", command: [script] }),
  impossible: { ...PLAIN, image: "impossible" },
  open: (nodeId) => new FakeRuntime(nodeId, engine),
  dispose: async () => {},
});
