/**
 * The scripts that are swept. Things in them lie half a minute apart, so that a crash in between changes when they happen and not in which order: however a
 * script is crashed, it has to end as it ends without.
 */
import { type Scenario, Script } from "./script.ts";

const script = (name: string): Script => new Script(name);
const both = { both: true } as const;

export const SCENARIOS: readonly Scenario[] = [
  script("submit/one-node").nodes(1).submits(20, "web").end(),
  script("submit/two-nodes").nodes(2).submits(20, "web", { count: 4 }).end(),
  script("submit/the-same-key-three-times").nodes(2).submits(20, "web", { count: 2, times: 3 }).end(),
  script("submit/too-large").nodes(2).submits(20, "huge", { cpuMillis: 5_000 }).submits(50, "web").end(),
  script("submit/healthy").nodes(2).submits(20, "web", { count: 2, health: true }).end(),
  script("submit/a-port-twice")
    .nodes(1)
    .submits(20, "first", { hostPort: 8_080 })
    .submits(60, "second", { hostPort: 8_080 })
    .end(),
  script("submit/in-the-manager").nodes(1).withLocal().submits(20, "web", { count: 2 }).end(),
  script("batch/completes").nodes(2).submits(20, "sum", { count: 3, batch: true, lifeMs: 3_000 }).end(),
  script("batch/fails").nodes(1).submits(20, "sum", { batch: true, lifeMs: 500, exitCode: 1 }).end(),
  script("batch/refused").nodes(1).submits(20, "sum", { batch: true, image: "refused" }).end(),
  script("stop/while-pulling")
    .nodes(1)
    .submits(20, "web", { pullMs: 600_000 })
    .does(50, { kind: "stop", name: "web" })
    .end(),
  script("stop/while-running").nodes(2).submits(20, "web", { count: 2 }).does(60, { kind: "stop", name: "web" }).end(),
  script("stop/that-is-ignored")
    .nodes(1)
    .submits(20, "web", { stopMs: 60_000 })
    .does(60, { kind: "stop", name: "web" })
    .end(),
  script("stop/and-start")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .does(60, { kind: "stop", name: "web" })
    .does(100, { kind: "start", name: "web" })
    .end(),
  script("remove/while-running")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .does(60, { kind: "remove", name: "web" })
    .end(),
  script("remove/and-again")
    .nodes(1)
    .submits(20, "web")
    .does(60, { kind: "remove", name: "web" })
    .submits(110, "web", { count: 2 })
    .end(),
  script("restart/by-operator")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .does(60, { kind: "restart", name: "web" })
    .end(),
  script("restart/after-an-end")
    .nodes(1)
    .submits(20, "web")
    .suffers(60, { kind: "hand", node: "n1", nth: 0, what: "kill", silent: false })
    .end(),
  script("restart/after-a-silent-end")
    .nodes(1)
    .submits(20, "web")
    .suffers(60, { kind: "hand", node: "n1", nth: 0, what: "kill", silent: true })
    .end(),
  script("restart/after-bad-health")
    .nodes(1)
    .submits(20, "web", { health: true })
    .suffers(60, { kind: "unwell", node: "n1", forMs: 40_000 })
    .end(),
  script("node/lost-and-back")
    .nodes(3)
    .submits(20, "web", { count: 3 })
    .suffers(60, { kind: "cut", from: "n1", to: "m1", ...both, forMs: 60_000 })
    .end(),
  script("node/gone")
    .nodes(3)
    .submits(20, "web", { count: 3 })
    .suffers(60, { kind: "gone", node: "n3", how: "dead" })
    .end(),
  script("node/gone-mute")
    .nodes(3)
    .submits(20, "web", { count: 3 })
    .suffers(60, { kind: "gone", node: "n3", how: "mute" })
    .end(),
  script("node/gone-deaf")
    .nodes(3)
    .submits(20, "web", { count: 3 })
    .suffers(60, { kind: "gone", node: "n3", how: "deaf" })
    .end(),
  script("node/gone-frozen")
    .nodes(3)
    .submits(20, "web", { count: 3 })
    .suffers(60, { kind: "gone", node: "n3", how: "frozen" })
    .end(),
  script("node/that-holds-data")
    .nodes(3)
    .submits(20, "db", { volume: true })
    .suffers(60, { kind: "cut", from: "n1", to: "m1", ...both, forMs: 60_000 })
    .end(),
  script("node/power")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .suffers(60, { kind: "power", machine: "n1", downMs: 5_000 })
    .end(),
  script("node/cordoned")
    .nodes(2)
    .does(20, { kind: "cordon", node: "n1" })
    .submits(50, "web", { count: 2 })
    .does(80, { kind: "uncordon", node: "n1" })
    .end(),
  script("engine/restarted")
    .nodes(1)
    .submits(20, "web", { count: 2 })
    .suffers(60, { kind: "engine-restart", node: "n1", live: false, forMs: 5_000 })
    .end(),
  script("engine/a-lost-answer")
    .nodes(1)
    .suffers(10, { kind: "engine-error", node: "n1", operation: "create", failure: "transient", done: true })
    .suffers(11, { kind: "engine-error", node: "n1", operation: "start", failure: "unavailable", done: true })
    .submits(20, "web", { count: 2 })
    .end(),
  script("engine/zombies")
    .nodes(1)
    .submits(20, "web")
    .suffers(55, { kind: "zombies", node: "n1", forMs: 20_000 })
    .does(60, { kind: "stop", name: "web" })
    .end(),
  script("journal/wiped")
    .nodes(2)
    .submits(20, "web", { count: 4 })
    .suffers(60, { kind: "journal-wipe", node: "n1" })
    .end(),
  script("journal/copied-to-another-machine")
    .nodes(2)
    .submits(20, "web", { count: 4 })
    .suffers(60, { kind: "clone-disk", node: "n1", forMs: 25_000 })
    .end(),
  script("adopt/emptied-store")
    .nodes(2)
    .submits(20, "web", { count: 4 })
    .suffers(60, { kind: "store-wipe", downMs: 2_000, adopt: true })
    .end(),
  script("adopt/older-store")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .submits(50, "db", { count: 2 })
    .suffers(90, { kind: "store-rollback", toMs: 40_000, downMs: 2_000, adopt: true })
    .end(),
  script("manager/a-second-one")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .suffers(60, { kind: "second-manager", forMs: 20_000 })
    .end(),
  script("adopt/older-store-beside-a-node-that-is-away")
    .nodes(4)
    .submits(20, "web")
    .suffers(60, { kind: "gone", node: "n2", how: "dead" })
    .suffers(100, { kind: "split", nodes: ["n1", "n4"], forMs: 60_000 })
    .suffers(102, { kind: "store-rollback", toMs: 40_000, downMs: 2_000, adopt: true })
    .end(),
  script("manager/asleep")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .suffers(60, { kind: "sleep", machine: "m1", forMs: 3_600_000 })
    .end(),
  script("manager/disk-is-full")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .suffers(55, { kind: "disk", who: "m1", trouble: "full", forMs: 20_000 })
    .submits(60, "db")
    .end(),
  script("manager/disk-does-not-say")
    .nodes(2)
    .suffers(18, { kind: "disk", who: "m1", trouble: "unknown", forMs: 10_000 })
    .submits(20, "web", { count: 2 })
    .end(),
  script("node/alone-for-too-long")
    .nodes(2)
    .submits(20, "web", { count: 2, stopAfterMs: 30_000 })
    .suffers(60, { kind: "cut", from: "n1", to: "m1", ...both, forMs: 60_000 })
    .end(),
  script("node/smaller")
    .nodes(2)
    .submits(20, "web", { count: 4, cpuMillis: 1_000 })
    .suffers(60, { kind: "resize", node: "n1", cpuMillis: 1_000 })
    .end(),
  script("node/bears-another-label")
    .nodes(2, { zone: "a" })
    .suffers(20, { kind: "relabel", node: "n1", zone: "b" })
    .submits(50, "web", { zone: "b", count: 2 })
    .end(),
  script("engine/hangs")
    .nodes(2)
    .submits(20, "web", { count: 2 })
    .suffers(60, { kind: "engine-hang", node: "n1", forMs: 45_000 })
    .end(),
  script("engine/refuses-pulls")
    .nodes(1)
    .suffers(10, { kind: "registry", node: "n1", trouble: "limited", forMs: 30_000 })
    .submits(20, "web")
    .end(),
  script("journal/disk-is-full")
    .nodes(1)
    .suffers(15, { kind: "disk", who: "n1", trouble: "full", forMs: 20_000 })
    .submits(20, "web", { count: 2 })
    .end(),
];
