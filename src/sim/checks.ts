/** All checkers of invariants, in the order of their numbers. What belongs to features that are not there yet stands in not-yet.ts. */
import type { Checker } from "./checker.ts";
import { booksBalance, placementIsAFunction } from "./checks/books.ts";
import { everythingIsBounded } from "./checks/bounds.ts";
import {
  endedIncarnationsStayEnded,
  foreignersUntouched,
  killedAfterGrace,
  oneContainerPerIncarnation,
  oneIncarnationPerNode,
} from "./checks/containers.ts";
import { desiredOnlyRises, factsOnlyRise } from "./checks/facts.ts";
import { orphansEnd, whatFitsIsPlaced, workersComeBack } from "./checks/liveness.ts";
import { nothingEndsByAmnesia, oldManagersAreRefused } from "./checks/orders.ts";
import {
  decisionsReadOwnWrites,
  keysMakeOneJob,
  noJobIsLost,
  recoveryFindsAll,
  watchersSeeAll,
} from "./checks/promises.ts";
import { oneRestarter, restartsKeepTheirPolicy } from "./checks/restarts.ts";
import { nodesAreNotOverfilled } from "./checks/room.ts";
import { exclusiveSlotsLiveOnce, slotsAreNotOverfilled } from "./checks/slots.ts";

export const CHECKERS: readonly Checker[] = [
  noJobIsLost,
  keysMakeOneJob,
  oneContainerPerIncarnation,
  oneIncarnationPerNode,
  slotsAreNotOverfilled,
  exclusiveSlotsLiveOnce,
  nodesAreNotOverfilled,
  booksBalance,
  factsOnlyRise,
  desiredOnlyRises,
  oneRestarter,
  restartsKeepTheirPolicy,
  nothingEndsByAmnesia,
  foreignersUntouched,
  endedIncarnationsStayEnded,
  killedAfterGrace,
  oldManagersAreRefused,
  watchersSeeAll,
  decisionsReadOwnWrites,
  recoveryFindsAll,
  everythingIsBounded,
  placementIsAFunction,
  workersComeBack,
  orphansEnd,
  whatFitsIsPlaced,
];
