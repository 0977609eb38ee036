/** Why a manager acts on no absence just now, in words; the same for it and for whoever explains what becomes of a task. Pure. */

/** More than half of the nodes went at once. */
export const ISOLATED =
  "isolated? more than half of the nodes are out at once: is this manager cut off? Nothing is replaced until they return or `cube node trust-loss` says that they are gone";

/** What is out is all that there is elsewhere. */
export const ALONE =
  "no node elsewhere is there to tell nodes that are gone from a manager that is cut off: nothing is replaced until one is, or `cube node trust-loss` says that they are gone";

/** After a start, a wake or an isolation. */
export const SETTLING = "settling: nodes are given time to come back";

/** True for a manager's caution with which nothing is replaced; others are of nodes that do not follow it. */
export function holdsBack(caution: string): boolean {
  return caution === ISOLATED || caution === ALONE || caution === SETTLING;
}
