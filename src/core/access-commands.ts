/** The commands that make and revoke tokens of the API, as changes or a refusal in words. Pure. */
import { ACCESS_ROLES, type AccessToken } from "./access.ts";
import type { Draft } from "./draft.ts";
import { type CommandContext, type Planned, refuse } from "./submit.ts";

/** Tokens of a cluster; each request is held against all of them. */
export const TOKENS_KEPT = 256;

const NAME = /^[a-z0-9](?:[-a-z0-9._]{0,61}[a-z0-9])?$/;
/** 32 bytes in base64url. */
const HASH = /^[A-Za-z0-9_-]{43}$/;
/** The name under which changes by the token in the data directory's file are logged. */
const RESERVED = "api";

/** A new token. A name is given once: whoever wants another secret revokes the first. */
export function planTokenCreate(context: CommandContext, asked: Pick<AccessToken, "name" | "role" | "hash">): Planned {
  const { name, role, hash } = asked;
  const { tokens } = context.cluster;
  if (!NAME.test(name) || name === RESERVED) {
    return refuse("invalid", `"${name}" cannot be a token's name`, "write it as ci-deploy: a-z, 0-9 and -._ inside");
  }
  if (!ACCESS_ROLES.includes(role) || !HASH.test(hash)) {
    return refuse("invalid", "not a token's role or digest", `roles are ${ACCESS_ROLES.join(", ")}`);
  }
  if (tokens.has(name)) {
    return refuse("conflict", `there is a token ${name} already`, `choose another name, or cube token revoke ${name}`);
  }
  if (tokens.size >= TOKENS_KEPT) {
    return refuse("conflict", `there are ${TOKENS_KEPT} tokens already`, "cube token ls lists them; revoke some");
  }
  const access: AccessToken = { name, role, hash, createdMs: context.nowMs, createdBy: context.actor };
  const text = `token ${name} (${role}) is made`;
  return planned({ change: { kind: "access.put", access }, actor: context.actor, text });
}

/** Takes a token away; whoever holds it is out at once. */
export function planTokenRevoke(context: CommandContext, name: string): Planned {
  if (!context.cluster.tokens.has(name)) return refuse("not_found", `no token "${name}"`, "cube token ls lists them");
  const text = `token ${name} is revoked`;
  return planned({ change: { kind: "access.remove", name }, actor: context.actor, text });
}

function planned(draft: Draft): Planned {
  return { ok: true, jobId: "", created: true, drafts: [draft] };
}
