/** How both ends of links behave in time, and what they say to a second link: once, because the simulator's links have to keep the same rules. */

/** Milliseconds that a present link has to show that it is alive when the same peer comes again. */
export const RIVAL_MS = 1_500;
/** A link that was up for so long was a good one: after it the back-off begins anew, ms. */
export const LASTING_MS = 10_000;
/** What the second of two links of one worker is told. */
export const ALREADY_LINKED = "this worker is linked already";
/** Milliseconds before the link within a process is up again after it was closed. */
export const RELINK_MS = 100;
