import { drawPlan } from "../src/sim/draw.ts";
import { run } from "../src/sim/run.ts";
import { lineOf } from "../src/sim/trace.ts";

const from = Number(process.argv[2] ?? 1),
  count = Number(process.argv[3] ?? 10),
  show = Number(process.argv[4] ?? 0);
let virtual = 0;
const t0 = performance.now();
const tally: Record<string, number> = {};
for (let seed = from; seed < from + count; seed++) {
  const o = run(drawPlan(seed));
  virtual += o.virtualMs;
  const key = o.verdict + " " + (o.violation?.id ?? "");
  tally[key] = (tally[key] ?? 0) + 1;
  if (o.verdict !== "passed") {
    console.log(
      seed,
      o.verdict,
      o.violation?.id,
      o.violation?.atMs,
      o.violation?.facts.join(" | "),
      "cmds",
      o.commands,
    );
    if (show) for (const t of o.trace.slice(-show)) console.log(t.atMs, lineOf(t.event).slice(0, 300));
  } else console.log(seed, "ok", o.hash, o.steps, Math.round(o.virtualMs / 60000) + "m", o.commands);
}
console.log(
  tally,
  "x" + Math.round(virtual / (performance.now() - t0)),
  Math.round((performance.now() - t0) / count) + " ms/seed",
);
