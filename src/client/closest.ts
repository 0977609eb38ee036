// Finds what someone probably meant: for unknown keys, names and words. Pure.

/** The candidate nearest to `word` in edits, or "" when none is near enough to be worth a suggestion (a third of the word, at least 2). */
export function closest(word: string, candidates: Iterable<string>): string {
  const bound = Math.max(2, Math.floor(word.length / 3));
  let best = "";
  let bestDistance = bound + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = edits(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  // A word as short as its distance has nothing in common with what would be suggested.
  return bestDistance < word.length ? best : "";
}

/** `did you mean "x"?`, or "" when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = closest(word, candidates);
  return found === "" ? "" : `did you mean "${found}"?`;
}

/** Levenshtein's distance with one row. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
