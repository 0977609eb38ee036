/**
 * An order-independent digest of all live rows: the sum, modulo 2^64, of a 64-bit hash of each key and value (xxHash64).
 * LevelDB skips damage in the middle of its log without a word; this sum, written with every commit, is what finds the hole.
 * It guards against damage, never against someone who forges rows.
 */

/** Hash of one row. Pure; part of the store's format. */
export function rowHash(key: string, value: string): bigint {
  return Bun.hash.xxHash64(value, Bun.hash.xxHash64(key));
}

/** The digest after one row's hash has been replaced; 0n stands for no row. Pure. */
export function replaceInDigest(digest: bigint, change: { readonly before: bigint; readonly after: bigint }): bigint {
  return BigInt.asUintN(64, digest - change.before + change.after);
}

/** As stored: 16 hexadecimal digits. Pure. */
export function digestText(digest: bigint): string {
  return digest.toString(16).padStart(16, "0");
}
