/**
 * Who may do what over the API: named tokens with a role. The secret itself never comes here, only its digest, so that neither store nor log nor event can give
 * it away. Pure.
 */

/** From the least to the most: see; change what runs and go into tasks; change who takes part. Each may do what those before it may. */
export const ACCESS_ROLES = ["view", "operate", "admin"] as const;
export type AccessRole = (typeof ACCESS_ROLES)[number];

/** A token as stored. When it was last used is an observation and is not kept. */
export interface AccessToken {
  readonly name: string;
  readonly role: AccessRole;
  /** SHA-256 of the secret, base64url. */
  readonly hash: string;
  /** Wall clock, ms since 1970. */
  readonly createdMs: number;
  /** Actor of the command that made it. */
  readonly createdBy: string;
}

/** True when a holder of `role` may do what needs `needed`. */
export function allows(role: AccessRole, needed: AccessRole): boolean {
  return ACCESS_ROLES.indexOf(role) >= ACCESS_ROLES.indexOf(needed);
}
