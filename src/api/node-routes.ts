/** The routes of the join token and of the addresses that the manager dials: how nodes come into the cluster. */
import { dialledListSchema, dialledSchema, joinSchema } from "../client/resource-schemas.ts";
import { addNodeSchema, noQuerySchema } from "../client/schemas.ts";
import { type Route, route } from "./route.ts";

/** See routes.ts. */
export const NODE_ROUTES: readonly Route[] = [
  route({
    method: "get",
    path: "/v1/join-token",
    summary: "The join token, which a new node has to show, and where nodes find the manager",
    needs: "admin",
    query: noQuerySchema,
    answers: { 200: joinSchema },
    handle: async ({ context }) => ({ status: 200, json: await context.client.joinToken() }),
  }),
  route({
    method: "post",
    path: "/v1/join-token",
    summary: "Makes another join token; the one before is void, nodes that have joined stay",
    needs: "admin",
    query: noQuerySchema,
    answers: { 200: joinSchema },
    handle: async ({ context }) => ({ status: 200, json: await context.client.renewJoinToken() }),
  }),
  route({
    method: "get",
    path: "/v1/node-addresses",
    summary: "Addresses of workers that the manager dials",
    needs: "view",
    query: noQuerySchema,
    answers: { 200: dialledListSchema },
    handle: async ({ context }) => ({ status: 200, json: await context.client.dialled() }),
  }),
  route({
    method: "post",
    path: "/v1/node-addresses",
    summary: "Dials a worker from now on, also after a restart",
    needs: "admin",
    query: noQuerySchema,
    body: addNodeSchema,
    answers: { 200: dialledSchema },
    handle: async ({ context, body }) => ({ status: 200, json: await context.client.addNode(body.address) }),
  }),
  route({
    method: "delete",
    path: "/v1/node-addresses/{ref}",
    summary: "Dials an address no more; a node that was found there stays in the cluster",
    needs: "admin",
    query: noQuerySchema,
    answers: { 200: dialledSchema },
    handle: async ({ context, ref }) => ({ status: 200, json: await context.client.forgetAddress(ref) }),
  }),
];
