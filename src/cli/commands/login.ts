/**
 * `cube login` and `cube logout`: the managers elsewhere that this user trusts, as ssh knows hosts. A key that nobody has vouched for is never trusted by itself, and
 * one that has changed is refused.
 */
import { ClientError } from "../../client/cluster-client.ts";
import { configDirectory } from "../../config/directories.ts";
import {
  addressKey,
  forgetManager,
  knownManagersFile,
  readKnownManagers,
  rememberManager,
} from "../../config/known-managers.ts";
import { readAddress } from "../../config/target.ts";
import { MANAGER_PORT } from "../../core/address.ts";
import type { TlsTarget } from "../../core/target.ts";
import { askLine, isConversation } from "../ask.ts";
import { CommandFailed, UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { clean } from "../text.ts";

const CLUSTER_ID = { flags: "--cluster-id <ID>", about: "the cluster that has to answer there; asked for otherwise" };
const TOKEN_FILE = {
  flags: "--token-file <FILE>",
  about: "holds the token; else CUBE_TOKEN, else asked for",
  completes: "file",
} as const;
const HELP = { flags: "-h, --help", about: "" };

export const LOGIN: CommandSpec = {
  name: "login",
  usage: ["HOST:PORT [--cluster-id ID] [--token-file FILE]"],
  summary: "trust the manager at an address, and remember a token for it",
  details: ["`cube token create NAME` on the manager's machine shows both id and token."],
  parameters: ["<address>"],
  groups: [{ title: "Options:", options: [CLUSTER_ID, TOKEN_FILE, HELP] }],
  run: runLogin,
};

export const LOGOUT: CommandSpec = {
  name: "logout",
  usage: ["HOST:PORT"],
  summary: "forget the manager at an address, and the token for it",
  parameters: ["<address>"],
  groups: [{ title: "Options:", options: [HELP] }],
  run: runLogout,
};

/** Where `config` finds the manager of an address over TLS, whatever it would do by itself on loopback. */
function tlsTarget(context: Context, address: string): { readonly target: TlsTarget; readonly file: string } {
  const manager = address.includes("://") ? address : `https://${address}`;
  const { target, dirs } = context.config({ ...context.flags, manager });
  if (target.kind !== "tls") throw new UsageError(`"${address}" is not a manager elsewhere`, "write HOST:PORT");
  return { target, file: knownManagersFile(dirs.config) };
}

async function runLogin(context: Context): Promise<number> {
  const [address = ""] = context.args;
  const { target, file } = tlsTarget(context, address);
  const clusterId = await vouchedId(context, target);
  const token = target.token || (await askToken(context));
  const key = addressKey(target);
  const before = readKnownManagers(file).get(key);
  rememberManager(file, key, { clusterId, token });
  if (token === "") {
    context.io.stdout.write(`${key} is known as cluster ${clusterId}; give a token by CUBE_TOKEN\n`);
    return 0;
  }
  try {
    const { name } = await (await context.client({ manager: `https://${key}` })).manager();
    context.io.stdout.write(`logged in to ${clean(name)} at ${key}, cluster ${clusterId}\n`);
    context.io.stderr.write(
      `commands reach it by -m ${key}, or with CUBE_MANAGER=${key}; the screen: cube attach ${key}\n`,
    );
    return 0;
  } catch (error) {
    // A token that does not work must not take the place of one that may.
    rememberManager(file, key, { clusterId, token: before?.token ?? "" });
    throw error instanceof ClientError && error.code === "unauthorized" ? wrongToken(key) : error;
  }
}

/** The id that the server there has proved, and that the user or an earlier login vouches for. */
async function vouchedId(context: Context, target: TlsTarget): Promise<string> {
  const { pinnedCertificate, presentedKey } = await pins();
  if (target.clusterId !== "" || !isConversation(context.io)) {
    await pinnedCertificate(target);
    return target.clusterId;
  }
  const { id } = await presentedKey(target);
  context.io.stderr.write(
    [
      `The manager at ${addressKey(target)} is not known here. It has shown the key of cluster`,
      "",
      `    ${id}`,
      "",
      "Compare it with what `cube token create` or `cube node token` shows on its machine.",
      "",
    ].join("\n"),
  );
  const answer = await askLine(context.io, "Is it the same? (yes/no) ", { signal: context.signal });
  if (answer === id || answer.toLowerCase() === "yes") return id;
  throw new CommandFailed("not confirmed: nothing was sent and nothing is remembered");
}

/** Loaded only here: other commands must not pay for TLS at their start. */
function pins(): Promise<typeof import("../../client/pin.ts")> {
  return import("../../client/pin.ts");
}

async function askToken({ io, signal }: Context): Promise<string> {
  if (!isConversation(io)) return "";
  return askLine(io, "Token (nothing to leave it out): ", { hidden: true, signal });
}

function wrongToken(key: string): CommandFailed {
  return new CommandFailed(
    `the manager at ${key} does not know this token: it was revoked, or mistyped`,
    "`cube token create NAME` on its machine makes one",
  );
}

async function runLogout(context: Context): Promise<number> {
  const [address = ""] = context.args;
  // Not by the configuration's target: an entry that contradicts something must be removable too.
  const key = addressKey(readAddress(address, MANAGER_PORT));
  if (!forgetManager(knownManagersFile(configDirectory(context.io)), key))
    throw new CommandFailed(`${key} is not known here`);
  context.io.stdout.write(`${key} is forgotten\n`);
  return 0;
}

/** `cube attach HOST:PORT --cluster-id ID` vouches, so it is remembered; the token that happened to be given is not. */
export async function rememberAttached(context: Context, address: string): Promise<void> {
  if (textFlag(context.flags, "clusterId") === undefined) return;
  const { target, file } = tlsTarget(context, address);
  await (await pins()).pinnedCertificate(target);
  const key = addressKey(target);
  rememberManager(file, key, { clusterId: target.clusterId, token: readKnownManagers(file).get(key)?.token ?? "" });
}
