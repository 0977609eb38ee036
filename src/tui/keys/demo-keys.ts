/** The keys that only a simulated cluster has, as data. Pure. */
import { type Binding, MAIN } from "./binding.ts";
import { needsFaultNode, needsFaultTask } from "./reasons.ts";

const GROUP = "Demo";
const HERE: Binding["where"] = ["faults"];

/** The time of the demo, what can be broken in it, and the way out. */
export const DEMO_KEYS: readonly Binding[] = [
  {
    keys: ["F"],
    action: "demo-faults",
    where: [...MAIN, "detail", "node"],
    short: "break",
    help: "break something: the task, its node, the manager",
    group: GROUP,
  },
  { keys: ["+"], action: "demo-faster", where: MAIN, short: "faster", help: "let time pass faster", group: GROUP },
  { keys: ["-"], action: "demo-slower", where: MAIN, short: "slower", help: "let time pass slower", group: GROUP },
  {
    keys: ["P"],
    action: "demo-hold",
    where: MAIN,
    short: "",
    help: "hold the cluster's time, and let it go on",
    group: GROUP,
  },
  {
    keys: ["k"],
    action: "fault-kill",
    where: HERE,
    short: "kill",
    help: "kill the task's container, as if by hand",
    group: GROUP,
    disabled: needsFaultTask,
  },
  {
    keys: ["c"],
    action: "fault-crash",
    where: HERE,
    short: "crash",
    help: "crash the node's worker; it is back after 10 s, and its tasks never notice",
    group: GROUP,
    disabled: needsFaultNode,
  },
  {
    keys: ["x"],
    action: "fault-cut",
    where: HERE,
    short: "cut off",
    help: "cut the node off from the manager for 30 s",
    group: GROUP,
    disabled: needsFaultNode,
  },
  {
    keys: ["o"],
    action: "fault-power",
    where: HERE,
    short: "power off",
    help: "switch the node off; it is back after 2 min",
    group: GROUP,
    disabled: needsFaultNode,
  },
  {
    keys: ["m"],
    action: "fault-manager",
    where: HERE,
    short: "manager",
    help: "kill the manager; it is back after 15 s, and no task notices",
    group: GROUP,
  },
  {
    keys: ["s"],
    action: "fault-sleep",
    where: HERE,
    short: "sleep",
    help: "the manager's laptop sleeps for an hour, which passes in a hurry",
    group: GROUP,
  },
  {
    keys: ["b"],
    action: "demo-background",
    where: HERE,
    short: "by itself",
    help: "let things break by themselves now and then, or not",
    group: GROUP,
  },
  { keys: ["escape", "q", "F"], action: "close", where: HERE, short: "back", help: "break nothing", group: GROUP },
  { keys: ["C-c"], action: "interrupt", where: HERE, short: "", help: "break nothing", group: GROUP },
  {
    keys: ["q"],
    action: "leave",
    where: MAIN,
    short: "leave",
    help: "end the demo; nothing of it stays behind",
    group: "Cube",
  },
];
