/** Time as machines get it: an argument, never read. */

/** One reading of a host's clocks. */
export interface Time {
  /** Monotonic milliseconds since some start; stands still while the machine sleeps. All decisions use it. */
  readonly monoMs: number;
  /** Milliseconds since 1970. For display, stored dates and the recognition of a wake only. */
  readonly wallMs: number;
  /** Changes with each boot of the machine; a monotonic time means nothing in another boot. */
  readonly bootId: string;
}
