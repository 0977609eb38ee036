/** A worker that starts one process and says so; the test kills it. Arguments: directory, the request as JSON. */
import { createProcessRuntime } from "../../../src/runtime/process.ts";
import type { CreateRequest } from "../../../src/worker/effects.ts";

const [directory = "", text = "{}"] = process.argv.slice(2);
const runtime = createProcessRuntime({ directory, nodeId: "n1" });
const created = await runtime.create(JSON.parse(text) as CreateRequest);
if (!created.ok) throw new Error(created.failure.message);
const started = await runtime.start(created.value.instanceId);
process.stdout.write(started.ok ? "started\n" : `${started.failure.message}\n`);
await new Promise(() => setInterval(() => {}, 1_000));
