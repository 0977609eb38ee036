/**
 * The frames of a command in a task over WebSocket, shared by both ends. Binary frames carry bytes behind one byte that names the stream; text frames are JSON.
 * The client begins with `start`; the server answers `started` or `error`, and ends with `exit`. Pure.
 */
import type { ExecOptions } from "./cluster-client.ts";

/** First byte of a binary frame. Input comes from the client, output from the server. */
export const STREAM = { stdin: 0, stdout: 1, stderr: 2 } as const;

/** Bytes of one frame. */
export const MAX_FRAME_BYTES = 1 << 20;

/** Text frames of the client. */
export type ExecClientFrame =
  | { readonly kind: "start"; readonly options: ExecOptions }
  | { readonly kind: "resize"; readonly columns: number; readonly rows: number }
  | { readonly kind: "eof" };

/** Text frames of the server. */
export type ExecServerFrame =
  | { readonly kind: "started" }
  | { readonly kind: "exit"; readonly code: number | null }
  | { readonly kind: "error"; readonly code: string; readonly message: string; readonly hint: string };

/** A binary frame. */
export function dataFrame(stream: keyof typeof STREAM, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(data.length + 1);
  frame[0] = STREAM[stream];
  frame.set(data, 1);
  return frame;
}
