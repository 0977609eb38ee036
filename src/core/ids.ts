/**
 * Identities derived from what they identify, never random: the same submission or attempt gives the same id on every run and every machine.
 * Hash: MurmurHash3 x86 32-bit (Austin Appleby, public domain), four seeds for 128 bits. Not for secrets.
 */

/** 128 bits of `parts` as 32 hexadecimal digits. Parts are kept apart, so that ("ab", "c") and ("a", "bc") differ. */
export function digest(...parts: readonly (string | number)[]): string {
  const text = parts.map((part) => `${String(part).length}:${part}`).join("|");
  return [1, 2, 3, 4].map((seed) => murmur32(text, seed).toString(16).padStart(8, "0")).join("");
}

/**
 * Id of an attempt to fill a slot: 20 hexadecimal digits. A job's id may be its user's own and come again once the job is removed; when it was submitted tells
 * the attempts of the one from those of the other, which a node may hold for long. Managers on copies of a store, and one whose store went back, count the same
 * attempts again; the opening of the store in which an attempt was made tells them apart.
 */
export function taskId(of: {
  readonly clusterId: string;
  readonly jobId: string;
  readonly service: string;
  readonly slot: number;
  readonly attempt: number;
  /** Left out in ids of managers that did not have it. */
  readonly jobCreatedMs?: number | undefined;
  /** Left out likewise, and where the store has no openings. */
  readonly opening?: string | undefined;
}): string {
  const parts = [of.clusterId, of.jobId, of.service, of.slot, of.attempt];
  if (of.jobCreatedMs !== undefined) parts.push(of.jobCreatedMs);
  if (of.opening !== undefined) parts.push(of.opening);
  return digest(...parts).slice(0, 20);
}

/**
 * Id of a job submitted without one, in the form of a UUID. `revision` makes it unique within the store; a store that was lost, or has gone
 * back to a copy, counts the same revisions again, and `createdMs` tells its jobs from those that workers still know.
 */
export function jobId(of: {
  readonly clusterId: string;
  readonly name: string;
  readonly revision: number;
  readonly createdMs: number;
}): string {
  const hex = digest("job", of.clusterId, of.name, of.revision, of.createdMs);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}

function murmur32(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i += 2) {
    hash ^= scramble(text.charCodeAt(i) | ((i + 1 < text.length ? text.charCodeAt(i + 1) : 0) << 16));
    hash = rotate(hash, 13);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= text.length * 2;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  return Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
