// What every link between a manager and a worker must do, whatever carries it. An implementation calls `linkContract` with how to make both ends.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { WorkerLinks } from "../../src/manager/ports.ts";
import type { ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import type { ManagerLink } from "../../src/worker/ports.ts";
import { helloOf, setNumber, until } from "../transport/links-bed.ts";

/** Both ends of one link, not opened yet. `nodeId` is what the worker may say that it is. */
export interface LinkBed {
  readonly manager: WorkerLinks;
  readonly worker: ManagerLink;
  readonly nodeId: string;
  dispose(): Promise<void> | void;
}

interface Ends {
  readonly toManager: { linkId: string; message: WorkerMessage }[];
  readonly toWorker: ManagerMessage[];
  readonly events: string[];
}

function report(number: number, padding = ""): WorkerMessage {
  return { kind: "report", number, full: false, facts: [], removed: [`t${number}${padding}`] };
}

/** Runs the suite. */
export function linkContract(name: string, makeBed: () => Promise<LinkBed>): void {
  describe(`link contract, ${name}:`, () => {
    let bed: LinkBed;
    let ends: Ends;
    let hello: WorkerMessage;
    beforeEach(async () => {
      bed = await makeBed();
      ends = { toManager: [], toWorker: [], events: [] };
      hello = helloOf({ id: bed.nodeId });
    });
    afterEach(() => bed.dispose());

    const openManager = (): Disposable =>
      bed.manager.open({
        onMessage: (linkId, message) => ends.toManager.push({ linkId, message }),
        onClosed: (linkId) => ends.events.push(`closed ${linkId}`),
      });
    const openWorker = (onMessage?: (message: ManagerMessage) => void): Disposable =>
      bed.worker.open({
        onMessage: (message) => {
          ends.toWorker.push(message);
          onMessage?.(message);
        },
        onLinked: () => {
          ends.events.push("linked");
          bed.worker.send(hello);
        },
        onUnlinked: () => ends.events.push("unlinked"),
      });
    const hellos = (): string[] =>
      ends.toManager.filter(({ message }) => message.kind === "hello").map(({ linkId }) => linkId);

    test.each(["manager", "worker"])("it is up once both ends are open, the %s first", async (first) => {
      const both = first === "manager" ? [openManager, openWorker] : [openWorker, openManager];
      for (const open of both) open();
      await until("a hello", () => hellos().length > 0);
      expect(ends.toManager.map(({ message }) => message)).toEqual([hello]);
      expect(ends.events.at(-1)).toBe("linked");
    });

    test("messages arrive in order in both directions, whole, also large ones among small ones", async () => {
      openManager();
      openWorker();
      await until("a hello", () => hellos().length > 0);
      const linkId = hellos()[0] ?? "";
      const large = "x".repeat(700_000);
      const up = Array.from({ length: 60 }, (_, i) => report(i + 1, i % 20 === 5 ? large : ""));
      const down = Array.from({ length: 60 }, (_, i) => setNumber(i + 1));
      for (const message of up) bed.worker.send(message);
      for (const message of down) bed.manager.send(linkId, message);
      await until("all of them", () => ends.toManager.length === 61 && ends.toWorker.length === 60, 20_000);
      expect(ends.toWorker).toEqual(down);
      expect(ends.toManager.slice(1)).toEqual(up.map((message) => ({ linkId, message })));
    });

    test("nothing is delivered within the sender's own call", async () => {
      openManager();
      let within = false;
      let nested = 0;
      openWorker(() => {
        if (within) nested++;
      });
      await until("a hello", () => hellos().length > 0);
      within = true;
      bed.manager.send(hellos()[0] ?? "", { kind: "ack", number: 1 });
      within = false;
      await until("the message", () => ends.toWorker.length === 1);
      expect(nested).toBe(0);
    });

    test("a link that the manager closes ends for both, and comes back under another name with a new hello", async () => {
      openManager();
      openWorker();
      await until("a hello", () => hellos().length === 1);
      const [old = ""] = hellos();
      bed.manager.close(old);
      await until("a second hello", () => hellos().length === 2, 20_000);
      expect(hellos()[1]).not.toBe(old);
      expect(ends.events).toEqual(expect.arrayContaining(["linked", `closed ${old}`, "unlinked"]));
      expect(ends.events.filter((event) => event === "linked").length).toBe(2);
    });

    test("what is sent on a closed link is lost, on the new one it is not", async () => {
      openManager();
      openWorker();
      await until("a hello", () => hellos().length === 1);
      const [old = ""] = hellos();
      bed.manager.close(old);
      bed.manager.send(old, { kind: "ack", number: 1 });
      await until("a second hello", () => hellos().length === 2, 20_000);
      bed.manager.send(old, { kind: "ack", number: 2 });
      bed.manager.send(hellos()[1] ?? "", { kind: "ack", number: 3 });
      await until("a message", () => ends.toWorker.length > 0);
      expect(ends.toWorker).toEqual([{ kind: "ack", number: 3 }]);
    });

    test("when the manager's end goes the worker is told; when it opens again there is a new hello", async () => {
      const manager = openManager();
      openWorker();
      await until("a hello", () => hellos().length === 1);
      manager[Symbol.dispose]();
      await until("the worker to be unlinked", () => ends.events.includes("unlinked"));
      openManager();
      await until("a second hello", () => hellos().length === 2, 20_000);
      expect(new Set(hellos()).size).toBe(2);
    });

    test("when the worker's end goes the manager is told, and hears no more", async () => {
      openManager();
      const worker = openWorker();
      await until("a hello", () => hellos().length === 1);
      worker[Symbol.dispose]();
      await until("the link to be closed", () => ends.events.includes(`closed ${hellos()[0]}`));
      bed.worker.send(report(1));
      expect(ends.toManager.length).toBe(1);
    });
  });
}
