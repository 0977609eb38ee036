import { expect, test } from "bun:test";
import { header } from "../../../src/tui/views/header.ts";
import { Play } from "../play.ts";
import { manager, smallCluster } from "../records.ts";

const REASON = "no manager answers at /home/somebody/.local/share/cube/cube.sock: start one with `cube`; trying again";
const text = (play: Play): string =>
  header(play.model)
    .map((span) => span.text)
    .join("");

test("header: of a caution and a notice the notice is cut first, and no room is left empty", () => {
  const caution = "isolated? more than half of the nodes are out at once";
  const notice = "the store was repaired: three rows were lost";
  const play = new Play({ ...smallCluster(), manager: manager({ caution, notice }) }, { cols: 175 });
  expect(text(play)).toContain(`manager ${caution}  `);
  expect(text(play)).toContain("the store was repaired: three rows");
  expect(text(play)).not.toContain(notice);
});

for (const cols of [80, 120, 200]) {
  test(`header: at ${cols} columns a manager that is out of reach says so, however long the reason`, () => {
    const play = new Play(smallCluster(), { cols });
    play.items([{ kind: "down", reason: REASON }]);
    const line = text(play);
    expect(line).toStartWith(" CUBE ");
    expect(line).toContain("manager out of reach: no manager");
    expect(line.length).toBe(cols);
  });

  test(`header: at ${cols} columns a manager that is read-only says so, and still counts the tasks`, () => {
    const play = new Play(smallCluster(), { cols });
    play.items([{ kind: "manager", manager: manager({ health: "read-only", problem: REASON }) }]);
    const line = text(play);
    expect(line).toContain("manager read-only: no manager");
    expect(line).toContain("running");
    expect(line.length).toBe(cols);
  });
}
