/** `cube node token|add|forget`: how nodes come into the cluster, by their own dial or by the manager's. */
import type { DialledResource } from "../../client/resources.ts";
import { parseAddress, WORKER_PORT } from "../../core/address.ts";
import { UsageError } from "../cli-error.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { clean, jsonText } from "../text.ts";
import { forEachArgument } from "./each-argument.ts";

export const JOIN_TOKEN: CommandSpec = {
  name: "token",
  usage: ["[--renew]"],
  summary: "print the join token, and what to type on a node that is to join",
  details: [
    "The token alone goes to standard output, for a file that others cannot read:",
    "  (umask 077; cube node token > cube-join-token)",
  ],
  parameters: [],
  groups: [
    {
      title: "Options:",
      options: [{ flags: "--renew", about: "make another first: the old one is void, nodes stay" }, JSON_OPTION],
    },
    TARGET_OPTIONS,
  ],
  run: runToken,
};

export const ADD: CommandSpec = {
  name: "add",
  usage: ["HOST[:PORT]..."],
  summary: "dial workers that wait for their manager, from now on and after each restart",
  details: ["A worker joins when it has the join token: see cube node token."],
  parameters: ["<address...>"],
  groups: [TARGET_OPTIONS],
  run: runAdd,
};

export const FORGET: CommandSpec = {
  name: "forget",
  usage: ["HOST[:PORT]..."],
  summary: "dial addresses no more; a node that was found there stays in the cluster",
  parameters: ["<address...>"],
  groups: [TARGET_OPTIONS],
  run: runForget,
};

/** What is to be done with the token is said beside it, so that it alone can go into a file. */
async function runToken(context: Context): Promise<number> {
  const { io, flags } = context;
  const client = await context.client();
  const join = flags.renew === true ? await client.renewJoinToken() : await client.joinToken();
  if (flags.json === true) {
    io.stdout.write(`${jsonText(join)}\n`);
    return 0;
  }
  io.stderr.write(advice(join.addresses.map(clean)));
  io.stdout.write(`${join.token}\n`);
  return 0;
}

/** The lines to paste, for a manager at these addresses. Pure. */
function advice(addresses: readonly string[]): string {
  const dialsThem = [
    `${addresses.length > 0 ? "or let" : "let"} the manager dial the node:`,
    "  there:  cube worker --host 0.0.0.0 --join-token-file cube-join-token",
    "  here:   cube node add HOST:5556",
  ];
  const theyDial =
    addresses.length > 0
      ? addresses.map((address) => `  cube worker --join ${address} --join-token-file cube-join-token`)
      : [
          "this manager listens on this machine only, so no node elsewhere can dial it:",
          "  start it with --listen 0.0.0.0:5555",
        ];
  const first = addresses.length > 0 ? ["on the node, with this token in a file that only you may read:"] : [];
  return `${[...first, ...theyDial, ...dialsThem, ""].join("\n")}\n`;
}

async function runAdd(context: Context): Promise<number> {
  for (const address of context.args) {
    const read = parseAddress(address, WORKER_PORT);
    if (!read.ok) throw new UsageError(read.failure.message, "such as 10.0.0.2:5556");
  }
  return await forEachArgument(context, async (client, address) => {
    const added = await client.addNode(address);
    const link = added.linked ? "linked already" : "dialled from now on; `cube node` shows when it has joined";
    return `${added.address}: ${link}`;
  });
}

function runForget(context: Context): Promise<number> {
  return forEachArgument(context, async (client, address) => {
    const { address: name, configured } = await client.forgetAddress(address);
    if (configured)
      context.io.stderr.write(`cube: ${clean(name)} is one of --workers: the manager's next start dials it again\n`);
    return name;
  });
}

/** A line for each address that is dialled and gives no link. Pure. */
export function vainDials(addresses: readonly DialledResource[]): string {
  return addresses
    .filter(({ linked }) => !linked)
    .map(({ address, problem }) => `cube: ${clean(`no link to ${address}: ${problem || "still dialling"}`)}\n`)
    .join("");
}
