// Containers that are none of Cube's, on every engine: one of a stranger, one that another cluster of Cube could have made. Nobody may touch them; an engine
// that ends takes them with it, and then it is this test that starts them again.
import { until } from "../until.ts";
import type { Foreigner } from "./balance.ts";
import { type ChaosNode, FOREIGN_BODY } from "./machines.ts";
import { FOREIGN, LABELS } from "./view.ts";

/** A cluster, a node and a task that are not there. */
const STRANGE_LABELS = {
  [LABELS.cluster]: "0000000000000000000000000000",
  [LABELS.node]: "1111111111111111111111111111",
  [LABELS.task]: "2222222222222222",
  [LABELS.incarnation]: "1",
  [FOREIGN]: "yes",
};

/** The foreign containers of all nodes. */
export class Foreigners {
  readonly #all: Foreigner[] = [];
  readonly #away = new Set<string>();

  /** Makes those of a node. */
  async settleOn({ name: node, engine }: ChaosNode): Promise<void> {
    const stranger = await engine.run("stranger", FOREIGN_BODY);
    this.#all.push({ node, id: stranger, name: "stranger" });
    const cousin = "cube-cousin-2222222222222222-1";
    this.#all.push({ node, id: await engine.run(cousin, { ...FOREIGN_BODY, Labels: STRANGE_LABELS }), name: cousin });
  }

  /** Those that have to be there now. */
  get present(): Foreigner[] {
    return this.#all.filter(({ node }) => !this.#away.has(node));
  }

  /** A node's engine is about to end. */
  leave(node: ChaosNode): void {
    this.#away.add(node.name);
  }

  /** It is back: they must be there still, and are started again where they ended with it. */
  async comeBack({ name: node, engine }: ChaosNode): Promise<void> {
    const own = this.#all.filter((one) => one.node === node);
    for (const { id } of own) await engine.startAgain(id);
    await until(`the foreign containers of ${node} run again`, async () => {
      const running = (await engine.list()).filter(({ state }) => state === "running").map(({ id }) => id);
      return own.every(({ id }) => running.includes(id));
    });
    this.#away.delete(node);
  }
}
