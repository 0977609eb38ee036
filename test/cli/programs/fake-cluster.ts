// The command line with the process's own streams and signals, on a cluster with many tasks and logs without end: for tests of what only a real process shows.
import { processIo } from "../../../src/cli/process-io.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import type { LogLine } from "../../../src/client/cluster-client.ts";
import { aTask, FakeClient } from "../fake-client.ts";

class EndlessClient extends FakeClient {
  override async *logs(): AsyncIterable<LogLine> {
    for (let number = 0; ; number++) {
      yield { stream: "stdout", atMs: 0, text: `line ${number}` };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const refuse = async (): Promise<never> => {
  throw new Error("no role in this program");
};

const client = new EndlessClient();
client.taskList = Array.from({ length: 5_000 }, (_, slot) => aTask({ slot, message: "x".repeat(500) }));
const code = await runCli(process.argv.slice(2), {
  io: processIo(),
  connect: async () => client,
  whatIf: refuse,
  roles: { ui: refuse, attach: refuse, headless: refuse, demo: refuse },
});
process.exit(code);
