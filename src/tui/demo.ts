/**
 * What a simulated cluster offers beyond a real one: its time can be hurried or held, and things can be broken in it. The port through which `cube demo` gives
 * that to the UI, which knows nothing of simulators; without it there are no such keys.
 */

/** What can be broken. */
export type DemoFault = "kill" | "crash" | "cut" | "power" | "manager" | "sleep";

/** What somebody wants of the demo. */
export type DemoCommand =
  | { readonly kind: "faster" | "slower" }
  /** Holds its time, or lets it go on. */
  | { readonly kind: "hold" }
  /** Lets it break things by itself, or not. */
  | { readonly kind: "background" }
  /** `taskId` and `nodeId` are those that are meant; "" where there is none. */
  | { readonly kind: "fault"; readonly fault: DemoFault; readonly taskId: string; readonly nodeId: string };

/** How the demo is just now. */
export interface DemoState {
  /** Seconds of the cluster in one of ours. */
  readonly speed: number;
  readonly held: boolean;
  /** Whether it breaks things by itself. */
  readonly background: boolean;
  /** What it lives through in a hurry, in words; "" for nothing. */
  readonly leaping: string;
  /** How far the cluster's wall clock is ahead of this machine's, in ms; negative when it is behind. */
  readonly aheadMs: number;
}

/** The port. */
export interface Demo {
  /** So much later are its moments shown than its wall clock says, in ms: it may begin on any day. */
  readonly laterMs: number;
  state(): DemoState;
  /** Resolves with what to say about it; rejects with why it cannot be done. */
  perform(command: DemoCommand): Promise<string>;
}
