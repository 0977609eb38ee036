// The simulator's engine, store and journal keep the contracts that the real ones keep: what is found on the models holds for them. What a model lacks stands
// here with its reason.
import { journalContract } from "../contract/journal.ts";
import { PLAIN, runtimeContract, SCRIPTS } from "../contract/runtime.ts";
import { storeContract } from "../contract/store.ts";
import { behaves, ModelEngines } from "./model-runtime.ts";
import { modelJournal, modelStore } from "./model-store.ts";

const PROGRAMS: Readonly<Record<string, Parameters<typeof behaves>[0]>> = {
  [SCRIPTS.exit]: { lifeMs: 5, exitCode: 3 },
  [SCRIPTS.stubborn]: { stopMs: 60_000 },
};

const engines = new ModelEngines();

runtimeContract({
  name: "model",
  spec: (script) => ({ ...PLAIN, image: "image:1", command: [script], env: behaves(PROGRAMS[script] ?? {}) }),
  impossible: { ...PLAIN, image: "image:1", env: behaves({ image: "refused" }) },
  open: (nodeId) => engines.open(nodeId),
  dispose: async () => {},
  lacks: {
    output: "no machine ever sees output: it goes from the runtime to whoever reads it",
    exec: "no machine ever sees a command: it goes from whoever types to the runtime",
    usage: "what a node uses is measured by its host, which a run does itself",
    "starting twice":
      "the model starts again what has ended, so that S15 sees a machine that asks for it; real runtimes would hide that",
  },
});

storeContract("model", () => ({ ...modelStore(), dispose: async () => {} }), {
  closing: "a process that is gone asks nothing",
  log: "the change log is read by the API and the UI, which a run has not",
  order: "the model takes any revision, so that S20 sees a machine that counts wrongly; real stores would hide that",
  overlap: "the manager has one commit under way at a time",
});

journalContract("model", () => ({ ...modelJournal(), dispose: async () => {} }), {
  overlap: "the worker's write queue has one write under way at a time",
});
