import { expect, test } from "bun:test";
import { ManagerEnd, scratch, until, WorkerEnd } from "./links-bed.ts";

test("links: a manager whose worker is linked to another one with the same key says so; the worker lets it in once it refuses that one", async () => {
  using directory = scratch();
  using workers = scratch();
  const copy = new ManagerEnd(directory.path);
  const own = new ManagerEnd(directory.path);
  const worker = new WorkerEnd(workers.path, { port: null, token: copy.token }).start();
  try {
    const address = `127.0.0.1:${await worker.listen()}`;
    using _copy = copy.links.dial(address);
    await until("the copy has the worker", () => copy.links.dialled()[0]?.linked === true);
    using _own = own.links.dial(address);
    await until("the other says why it has not", () => own.links.dialled()[0]?.problem.includes("copied") === true);
    expect(own.log.lines.filter((line) => line.includes("copied data directory")).length).toBe(1);
    worker.link.send({ kind: "refused", reason: "a second manager of term 2" });
    await until("it has the worker", () => own.links.dialled()[0]?.linked === true);
    await until("the copy is told", () => copy.links.dialled()[0]?.problem.includes("copied") === true);
  } finally {
    for (const end of [worker, own, copy]) end.end();
  }
});
