/** The routes of named tokens: who holds a role, and who ceases to. For administrators only. */
import { createdTokenSchema, tokensSchema } from "../client/resource-schemas.ts";
import { noQuerySchema, tokenRequestSchema } from "../client/schemas.ts";
import { type Route, route } from "./route.ts";

/** See routes.ts. */
export const TOKEN_ROUTES: readonly Route[] = [
  route({
    method: "get",
    path: "/v1/tokens",
    summary: "Named tokens, by name, without their secrets",
    needs: "admin",
    query: noQuerySchema,
    answers: { 200: tokensSchema },
    handle: async ({ context }) => ({ status: 200, json: await context.client.tokens() }),
  }),
  route({
    method: "post",
    path: "/v1/tokens",
    summary: "Makes a token; its secret is in this answer and nowhere else",
    needs: "admin",
    query: noQuerySchema,
    body: tokenRequestSchema,
    answers: { 201: createdTokenSchema },
    handle: async ({ context, body }) => ({ status: 201, json: await context.client.createToken(body) }),
  }),
  route({
    method: "delete",
    path: "/v1/tokens/{ref}",
    summary: "Revokes a token; whoever holds it is out at once, running streams included",
    needs: "admin",
    query: noQuerySchema,
    answers: { 204: null },
    handle: async ({ context, ref }) => {
      await context.client.revokeToken(ref);
      return { status: 204 };
    },
  }),
];
