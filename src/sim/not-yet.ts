/**
 * What the specification of faults and invariants asks for and this simulator cannot do yet, once and with its reason. A test fails when something stands here
 * although what brings it is there.
 */

/** Where its coming shows. */
export interface Sign {
  /** From the root of the project. */
  readonly file: string;
  /** A piece of its text; the file alone counts when left out. */
  readonly text?: string;
}

/** An invariant, a mark of coverage or a fault that is still missing. */
export interface Missing {
  /** Such as `S16`, a mark of the specification, or a fault in a word. */
  readonly id: string;
  readonly what: string;
  /** Why it is not there, and what brings it. */
  readonly brings: string;
  readonly sign: Sign;
}

const ROLLOUTS: Sign = { file: "src/core/rollout.ts" };
const DRAINS: Sign = { file: "src/core/drain.ts" };
const ETCD: Sign = { file: "src/store/etcd.ts" };

export const NOT_YET: readonly Missing[] = [
  { id: "S16", what: "rolling update floor", brings: "rolling updates", sign: ROLLOUTS },
  { id: "S17", what: "update ceiling", brings: "rolling updates", sign: ROLLOUTS },
  { id: "L4", what: "every deployment ends", brings: "rolling updates", sign: ROLLOUTS },
  { id: "L7", what: "drains end in time", brings: "drains that move tasks away", sign: DRAINS },
  { id: "S19/store", what: "a store refuses writes of a manager without the leader's key", brings: "etcd", sign: ETCD },
  {
    id: "update-paused-by-unrelated-failure",
    what: "an update waits while its job is unwell for another reason",
    brings: "rolling updates",
    sign: ROLLOUTS,
  },
  { id: "rollback", what: "an update goes back", brings: "rolling updates", sign: ROLLOUTS },
  { id: "progress-deadline", what: "an update makes no progress in time", brings: "rolling updates", sign: ROLLOUTS },
  { id: "drain-deadline", what: "a drain runs out of time", brings: "drains that move tasks away", sign: DRAINS },
  {
    id: "tag-moves",
    what: "a tag names another image after a second pull",
    brings:
      "images that are pinned when a job is accepted; until then no machine knows what a tag names, and none can go wrong by it",
    sign: { file: "src/core/spec.ts", text: "imageDigest" },
  },
  {
    id: "fsync-lies",
    what: "a disk that has said that a write is durable loses it with its power",
    brings:
      "a class of runs of which only progress is asked; that the end of a journal or store is lost is drawn already, as a backup that was put back",
    sign: { file: "src/sim/disk.ts", text: "fsyncLies" },
  },
  {
    id: "renamed-by-hand",
    what: "somebody renames a container",
    brings:
      "names of containers in the model: it finds them by their labels, as workers do, and names only matter to a create that conflicts",
    sign: { file: "src/sim/engine-answers.ts", text: "containerName" },
  },
];

/** Marks that no run can hit yet. */
export const UNHITTABLE: ReadonlySet<string> = new Set(NOT_YET.map(({ id }) => id));
