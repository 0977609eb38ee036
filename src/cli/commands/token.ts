/** `cube token`: who may speak to the manager from elsewhere, and how much each may do. */
import type { TokenResource } from "../../client/resources.ts";
import { ACCESS_ROLES, type AccessRole } from "../../core/access.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { boldFor } from "../io.ts";
import { ago } from "../quantities.ts";
import { type Column, renderTable } from "../table.ts";
import { clean, jsonText } from "../text.ts";
import { forEachArgument } from "./each-argument.ts";

const CREATE: CommandSpec = {
  name: "create",
  usage: ["NAME [--role view|operate|admin]"],
  summary: "make a token, and print its secret: this once, for it is kept nowhere",
  details: ["view sees, operate also changes what runs and goes into tasks, admin does all."],
  parameters: ["<name>"],
  groups: [
    {
      title: "Options:",
      options: [{ flags: "--role <ROLE>", about: "what it may do (view)", choices: ACCESS_ROLES }],
    },
    TARGET_OPTIONS,
  ],
  run: runCreate,
};

const LIST: CommandSpec = {
  name: "ls",
  aliases: ["list"],
  usage: ["[--json]"],
  summary: "list the tokens; a secret is never shown again",
  parameters: [],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  run: runList,
};

const REVOKE: CommandSpec = {
  name: "revoke",
  aliases: ["rm"],
  usage: ["NAME..."],
  summary: "take tokens away: their holders are out at once, with open shells",
  parameters: ["<name...>"],
  groups: [TARGET_OPTIONS],
  run: runRevoke,
};

export const TOKEN: CommandSpec = {
  name: "token",
  aliases: ["tokens"],
  usage: ["ls", "create NAME [--role ROLE]    make one; prints its secret", "revoke NAME...              take it away"],
  summary: "list, make and revoke the tokens of the API",
  details: ["On this machine none is needed: the manager's socket is its owner's alone."],
  parameters: [],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  children: [CREATE, LIST, REVOKE],
  run: runList,
};

/** The secret alone goes to standard output, so that a script can take it from there. */
async function runCreate(context: Context): Promise<number> {
  const { io, flags } = context;
  const role: AccessRole = ACCESS_ROLES.find((each) => each === textFlag(flags, "role")) ?? "view";
  const client = await context.client();
  const { token, secret } = await client.createToken({ name: context.args[0] ?? "", role });
  const { clusterId } = await client.manager();
  io.stderr.write(
    [
      `token ${clean(token.name)} may ${token.role}; its secret is shown this once:`,
      "",
      `from elsewhere: cube login HOST:PORT --cluster-id ${clean(clusterId)}`,
      "(it asks for the secret; a script gives it by CUBE_TOKEN)",
      "",
    ].join("\n"),
  );
  io.stdout.write(`${secret}\n`);
  return 0;
}

const COLUMNS: readonly Column[] = [
  { title: "NAME", shrink: 12 },
  { title: "ROLE" },
  { title: "CREATED" },
  { title: "BY", shrink: 10 },
  { title: "LAST USED" },
];

async function runList(context: Context): Promise<number> {
  const { io } = context;
  const tokens = await (await context.client()).tokens();
  const width = io.stdout.isTTY ? io.stdout.columns : null;
  const rows = tokens.map((token) => rowOf(token, io.nowMs()));
  io.stdout.write(
    context.flags.json === true ? `${jsonText(tokens)}\n` : renderTable(COLUMNS, rows, { width, bold: boldFor(io) }),
  );
  return 0;
}

/** Uses are remembered for as long as the manager runs. */
function rowOf(token: TokenResource, nowMs: number): string[] {
  const used = token.lastUsedMs === 0 ? "-" : ago(token.lastUsedMs, nowMs);
  return [token.name, token.role, ago(token.createdMs, nowMs), token.createdBy, used];
}

function runRevoke(context: Context): Promise<number> {
  return forEachArgument(context, (client, name) => client.revokeToken(name));
}
