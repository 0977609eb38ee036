import { describe, expect, test } from "bun:test";
import { refusal } from "../../src/protocol/fence.ts";
import type { ManagerIdentity, Opening } from "../../src/protocol/messages.ts";

/** A store's life: openings of terms 1 to 3 at revisions 0, 50 and 100. */
const PAST: readonly Opening[] = [
  { term: 1, revision: 0, mark: "a" },
  { term: 2, revision: 50, mark: "b" },
  { term: 3, revision: 100, mark: "c" },
];

const at = (term: number, revision: number, mark: string): ManagerIdentity => ({
  clusterId: "c1",
  instanceId: `i-${mark}`,
  term,
  lineage: "l1",
  revision,
  mark,
});

const STRAYED = expect.stringContaining("does not go back to what this node has seen");

describe("fence: the past of a store", () => {
  test("what was seen is in it as long as the next opening came after", () => {
    for (const seen of [at(1, 50, "a"), at(1, 7, "a"), at(2, 100, "b"), at(2, 50, "b")])
      expect(refusal(seen, at(3, 100, "c"), PAST)).toBeNull();
  });

  test("a restored copy that had more openings and grew past what was seen is refused", () => {
    const grown = at(4, 900, "y");
    const since = (mark: string): readonly Opening[] => [...PAST.slice(0, 2), { term: 3, revision: 60, mark }];
    const past = [...since("x"), { term: 4, revision: 900, mark: "y" }];
    // Seen of the opening before the copy was taken, but later; and of one that the copy never had.
    expect(refusal(at(2, 80, "b"), grown, past)).toEqual(STRAYED);
    expect(refusal(at(3, 500, "c"), grown, past)).toEqual(STRAYED);
    expect(refusal(at(2, 55, "b"), grown, past)).toBeNull();
  });

  test("an opening that it should have and has not is refused; of what is older than it tells it says nothing", () => {
    expect(
      refusal(at(2, 60, "b"), at(4, 900, "y"), [PAST[0] as Opening, { term: 4, revision: 900, mark: "y" }]),
    ).toEqual(STRAYED);
    expect(refusal(at(1, 40, "z"), at(3, 100, "c"), PAST.slice(1))).toBeNull();
  });

  test("a store or a memory without marks is judged by term and revision alone", () => {
    const { mark: _, ...unmarked } = at(2, 80, "b");
    expect(refusal(unmarked, at(4, 900, "y"), PAST)).toBeNull();
    expect(refusal(at(2, 80, "b"), at(4, 900, "y"))).toBeNull();
    expect(refusal(at(2, 80, "b"), at(4, 60, "y"))).toContain("gone back from revision 80 to 60");
  });
});
