// A cable with a will of its own: passes connections on to another address, and delays or withholds what goes over them as it is told, line by line, on
// its standard input: "delay 20 100" (least and then mean of what comes on top, exponentially distributed; milliseconds, each way, in order), "stall" (nothing
// passes, nothing is closed), "flow" (as a good cable does).
// Called as: relay.ts LISTEN-HOST LISTEN-PORT HOST PORT
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Dice } from "../dice.ts";

const [listenHost = "", listenPort = "", host = "", port = ""] = process.argv.slice(2);

const dice = new Dice(0, "relay");
let [leastMs, meanMs] = [0, 0];
let isStalled = false;
const ways = new Set<Way>();

/** One direction of a connection: what came in and has not gone out, in order. */
class Way {
  readonly #waiting: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  readonly #to: Socket;
  #hasEnded = false;
  #lastDueMs = 0;

  constructor(from: Socket, to: Socket) {
    this.#to = to;
    ways.add(this);
    from.on("data", (chunk: Buffer) => {
      // Nothing overtakes what was said before it on the same connection.
      this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + leastMs - meanMs * Math.log(1 - dice.next()));
      this.#waiting.push({ chunk, dueMs: this.#lastDueMs });
      this.pass();
    });
    from.on("close", () => {
      this.#hasEnded = true;
      this.pass();
    });
    from.on("error", () => from.destroy());
  }

  /** Lets out what is due. A closed end is passed on behind all that was said before it. */
  pass(): void {
    const nowMs = performance.now();
    while (!isStalled && (this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const { chunk } = this.#waiting.shift() as { chunk: Buffer };
      if (!this.#to.destroyed) this.#to.write(chunk);
    }
    const next = this.#waiting[0];
    if (next !== undefined && !isStalled) setTimeout(() => this.pass(), Math.max(1, next.dueMs - nowMs));
    if (next === undefined && this.#hasEnded && !isStalled) {
      this.#to.destroy();
      ways.delete(this);
    }
  }
}

createServer((near) => {
  const far = connect(Number(port), host);
  new Way(near, far);
  new Way(far, near);
}).listen(Number(listenPort), listenHost, () => console.log("ready"));

createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, least, mean] = line.split(" ");
  isStalled = word === "stall";
  [leastMs, meanMs] = word === "delay" ? [Number(least), Number(mean)] : [0, 0];
  for (const way of ways) way.pass();
});
