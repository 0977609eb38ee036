// A worker's end of a link in a process of its own: dials the given port, says hello, then a report and heartbeats. Its lines say what it heard.
import { parseJoinToken } from "../../../src/transport/join-token.ts";
import { WorkerEnd } from "../links-bed.ts";

const [directory, port, token] = process.argv.slice(2);
const parsed = parseJoinToken(token ?? "");
if (directory === undefined || !parsed.ok) throw new Error("usage: linked-worker DIRECTORY PORT TOKEN");
const hand = new WorkerEnd(directory, { port: Number(port), token: parsed.value });
hand.start();
let said = 0;
setInterval(() => {
  for (const message of hand.heard.slice(said)) console.log(JSON.stringify(message));
  said = hand.heard.length;
  if (hand.link.peer() === null) return;
  hand.link.send({ kind: "heartbeat", metrics: null, progress: [{ taskId: "t1", text: "pulling" }] });
  hand.link.send({ kind: "report", number: said + 1, full: said === 0, facts: [], removed: [] });
}, 50);
