/**
 * Chance for a machine that has none of its own: a small seeded generator, so that the same seed gives the same delays anywhere.
 * Never for secrets.
 */

/** Draws numbers from 0 (included) to 1 (excluded). */
export type Draw = () => number;

/** A generator from a 32-bit seed: splitmix32 (Steele, Lea, Flood 2014, in its 32-bit form), integer arithmetic only. */
export function seededDraw(seed: number): Draw {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 4294967296;
  };
}

/** `valueMs` changed by at most `thousandths` of itself either way, in whole milliseconds. */
export function jittered(valueMs: number, thousandths: number, draw: Draw): number {
  const span = Math.floor((valueMs * thousandths) / 1000);
  return valueMs - span + Math.floor(draw() * (2 * span + 1));
}
