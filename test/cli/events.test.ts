import { expect, test } from "bun:test";
import { ClientError } from "../../src/client/cluster-client.ts";
import { anEvent } from "./fake-client.ts";
import { FakeShell, until } from "./fake-shell.ts";

test("cli/events: silent changes are for --json only, and nothing is printed twice", async () => {
  using shell = new FakeShell();
  shell.client.eventList = [anEvent(1), anEvent(2, { text: "" }), anEvent(3, { text: "n1 \u001b[2Jjoined" })];
  const plain = await shell.run("events", "--since", "0");
  const json = await shell.run("events", "--json", "--since", "1");
  expect(plain.out.replaceAll(/^\d\d:\d\d:\d\d/gm, "hh:mm:ss")).toBe(
    "hh:mm:ss       1  event 1\nhh:mm:ss       3  n1 joined\n",
  );
  expect(
    json.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(shell.client.eventList.slice(1));
});

test("cli/events: without --since it begins a hundred changes ago, however long the list", async () => {
  using shell = new FakeShell();
  shell.client.eventList = Array.from({ length: 2_500 }, (_, index) => anEvent(index + 1));
  const recent = await shell.run("events", "--json");
  const all = await shell.run("events", "--json", "--since", "0");
  expect([recent, all].map(({ out }) => out.trimEnd().split("\n").length)).toEqual([100, 2_500]);
});

test("cli/events -f: what the watch brings follows what was there, without a gap and in order", async () => {
  using shell = new FakeShell();
  shell.client.eventList = [anEvent(1), anEvent(2)];
  const running = shell.run("events", "-f", "--json", "--since", "1");
  await until(() => shell.client.watched);
  shell.client.tell({ kind: "event", event: anEvent(3) });
  shell.client.tell({ kind: "down", reason: "the manager went away" });
  shell.client.eventList.push(anEvent(4));
  shell.client.tell({
    kind: "snapshot",
    manager: await shell.client.manager(),
    revision: 4,
    jobs: [],
    tasks: [],
    nodes: [],
    events: [],
  });
  shell.client.tell({ kind: "event", event: anEvent(5) });
  await until(() => shell.stdout.text.includes("event 5"));
  shell.interrupt(130);
  const { code, out, err } = await running;
  expect({
    code,
    err,
    revisions: out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).revision),
  }).toEqual({
    code: 130,
    err: "cube: the manager went away; trying again\n",
    revisions: [2, 3, 4, 5],
  });
});

test("cli/events: a revision that is not reached yet is said, and what comes next is shown", async () => {
  using shell = new FakeShell();
  shell.client.eventList = [anEvent(1), anEvent(2)];
  const told = "cube: 99 is beyond the newest event, 2: nothing came after it yet; going on from 2\n";
  expect(await shell.run("events", "--since", "99")).toEqual({ code: 0, out: "", err: told });
  const running = shell.run("events", "-f", "--json", "--since", "99");
  await until(() => shell.stderr.text === told);
  shell.client.tell({ kind: "event", event: anEvent(3) });
  await until(() => shell.stdout.text.includes("event 3"));
  shell.interrupt(130);
  expect(await running).toMatchObject({ code: 130, err: told });
});

test("cli/events -f: where no manager is there is nothing to wait for, whatever --since says", async () => {
  using shell = new FakeShell();
  shell.client.down = new ClientError("unavailable", "no manager answers");
  const failed = { code: 1, out: "", err: "cube: no manager answers\n" };
  expect([await shell.run("events", "-f"), await shell.run("events", "-f", "--since", "0")]).toEqual([failed, failed]);
});

test("cli/events: what is no longer kept is said", async () => {
  using shell = new FakeShell();
  shell.client.oldestKept = 5;
  shell.client.eventList = [anEvent(5)];
  const { out, err } = await shell.run("events", "--json", "--since", "2");
  expect([JSON.parse(out).revision, err]).toEqual([
    5,
    "cube: events after 2 are no longer kept; going on with the oldest\n",
  ]);
});
