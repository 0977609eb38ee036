// Which Cube this is. The build bakes version and commit in as constants; run from source, package.json answers.
// It must never ask git or read a file at run time: the executable has neither.
import { version as packageVersion } from "../package.json";

declare const CUBE_VERSION: string;
declare const CUBE_COMMIT: string;

/** The version of this program, as package.json had it when it was built. */
export const version: string = typeof CUBE_VERSION === "string" ? CUBE_VERSION : packageVersion;

/** The commit it was built from, with "-dirty" behind it when files had changed since; "source" when it was not built. */
export const commit: string = typeof CUBE_COMMIT === "string" ? CUBE_COMMIT : "source";
