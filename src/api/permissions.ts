/**
 * Which role each request needs, by method and path: of the routes of /v1 what they themselves say, and of what is served beside them. Whatever is not in this table
 * is for nobody but an administrator, so that something new is closed until somebody decides. Pure.
 */
import type { AccessRole } from "../core/access.ts";
import { ACCESS_ROLES } from "../core/access.ts";
import { ROUTES } from "./routes.ts";

interface Permission {
  readonly method: string;
  /** With `{name}` for a part that may be anything. */
  readonly path: string;
  readonly needs: AccessRole;
}

/** A command in a task; an upgrade, so no route of its own. */
export const EXEC_PERMISSION: Permission = { method: "get", path: "/v1/tasks/{ref}/exec", needs: "operate" };

const BESIDE: readonly Permission[] = [
  EXEC_PERMISSION,
  { method: "get", path: "/v1/openapi.json", needs: "view" },
  { method: "get", path: "/metrics", needs: "view" },
  ...withSlash({ method: "get", path: "/tasks", needs: "view" }),
  ...withSlash({ method: "post", path: "/tasks", needs: "operate" }),
  ...withSlash({ method: "delete", path: "/tasks/{id}", needs: "operate" }),
  ...withSlash({ method: "get", path: "/nodes", needs: "view" }),
];

/** Parts of the path by method; built once. */
const TABLE = new Map<string, { readonly parts: readonly string[]; readonly needs: AccessRole }[]>();
for (const { method, path, needs } of [...ROUTES, ...BESIDE]) {
  const rows = TABLE.get(method) ?? [];
  rows.push({ parts: path.split("/"), needs });
  TABLE.set(method, rows);
}

/** The role that a request needs; null for one that nothing here serves. `url` is the request's, with its query. */
export function neededRole(method: string, url: string): AccessRole | null {
  const found = rolesOf(method === "HEAD" ? "get" : method.toLowerCase(), url);
  // Of several the strictest.
  return found.length === 0 ? null : (ACCESS_ROLES[Math.max(...found)] ?? null);
}

/** The methods that a path takes; empty for one that nothing here serves. */
export function methodsOf(url: string): string[] {
  return [...TABLE.keys()].filter((method) => rolesOf(method, url).length > 0).map((method) => method.toUpperCase());
}

/** Places among ACCESS_ROLES. */
function rolesOf(method: string, url: string): number[] {
  const parts = canonicalPath(url)?.split("/");
  if (parts === undefined) return [];
  const rows = (TABLE.get(method) ?? []).filter((row) => matches(row.parts, parts));
  return rows.map(({ needs }) => ACCESS_ROLES.indexOf(needs));
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, at) => (part.startsWith("{") ? parts[at] !== "" : part === parts[at]))
  );
}

/** The path as the router will see it; null for one that it may see in another way (dots, a whole address), so that the two can never differ. */
function canonicalPath(url: string): string | null {
  const path = url.split("?")[0] ?? "";
  if (!path.startsWith("/") || path.startsWith("//") || !URL.canParse(path, "http://cube")) return null;
  return new URL(path, "http://cube").pathname === path ? path : null;
}

function withSlash(permission: Permission): Permission[] {
  return [permission, { ...permission, path: `${permission.path}/` }];
}
