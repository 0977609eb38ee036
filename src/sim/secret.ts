/** A secret that users of a run put into what they submit. Nothing that people read may ever hold it. */
export const SECRET = "hunter2-of-the-run";
