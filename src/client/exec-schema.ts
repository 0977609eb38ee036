/** The client's text frames of a command in a task, as the server validates them. */
import { z } from "zod";
import type { ExecClientFrame } from "./exec-frames.ts";

const size = z.int().min(1).max(10_000);

/** See exec-frames.ts. */
export const execFrameSchema: z.ZodType<ExecClientFrame> = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("start"),
    options: z.strictObject({
      command: z.array(z.string()).max(1_024),
      tty: z.boolean(),
      stdin: z.boolean(),
      columns: size,
      rows: size,
    }),
  }),
  z.strictObject({ kind: z.literal("resize"), columns: size, rows: size }),
  z.strictObject({ kind: z.literal("eof") }),
]);
