// A worker in another process: dials, gets assignments, reports and beats, dies without a word and comes back.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { writeJoinToken } from "../../src/transport/join-token.ts";
import { ManagerEnd, scratch, setNumber, until } from "./links-bed.ts";

const PROGRAM = join(import.meta.dir, "programs/linked-worker.ts");

test("link: a worker in another process is given assignments, reports and beats, and comes back after kill -9", async () => {
  using m = scratch();
  using w = scratch();
  const boss = new ManagerEnd(m.path);
  const port = await boss.listen();
  const run = () =>
    Bun.spawn([process.execPath, PROGRAM, w.path, String(port), writeJoinToken(boss.token)], { stdout: "pipe" });
  let child = run();
  try {
    await until("a hello", () => boss.heard.some(({ message }) => message.kind === "hello"));
    boss.links.send(boss.links.peers()[0]?.linkId ?? "", setNumber(1));
    const first = await child.stdout.getReader().read();
    expect(JSON.parse(new TextDecoder().decode(first.value))).toEqual(setNumber(1));
    const kinds = () => new Set(boss.heard.map(({ message }) => message.kind));
    await until("a report and a heartbeat", () => kinds().has("report") && kinds().has("heartbeat"));
    child.kill("SIGKILL");
    await until("the end of the link", () => boss.closed.length === 1);
    child = run();
    const hellos = () => boss.heard.filter(({ message }) => message.kind === "hello").map(({ linkId }) => linkId);
    await until("a second hello", () => hellos().length === 2);
    expect(new Set(hellos()).size).toBe(2);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    boss.end();
  }
}, 30_000);
