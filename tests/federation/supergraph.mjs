// Composes our subgraph with a small second one, and answers a question across both
// through a real gateway. Prints one line of JSON.
//
//   node supergraph.mjs '{"url", "key", "sdl", "query", "variables"}'
//
// The second subgraph knows a note about every order line, and which line was flagged.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const asked = JSON.parse(process.argv[2]);
const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`));
const { composeServices } = require("@apollo/composition");
const { ApolloGateway, LocalGraphQLDataSource, RemoteGraphQLDataSource } = require("@apollo/gateway");
const { buildSubgraphSchema } = require("@apollo/subgraph");
const { parse } = require("graphql");

const notes = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
  type Query { flagged: OrderLine }
  type OrderLine @key(fields: "id") { id: ID! note: String! }
`);
const resolvers = {
  Query: { flagged: () => ({ id: asked.flagged }) },
  OrderLine: {
    __resolveReference: (one) => one,
    note: (one) => `about ${one.id}`,
  },
};

const composed = composeServices([
  { name: "orderline", url: asked.url, typeDefs: parse(asked.sdl) },
  { name: "notes", url: "local", typeDefs: notes },
]);
if (composed.errors?.length) {
  console.log(JSON.stringify({ composition: composed.errors.map((one) => one.message) }));
  process.exit(0);
}

class WithKey extends RemoteGraphQLDataSource {
  willSendRequest({ request }) {
    request.http.headers.set("authorization", `Bearer ${asked.key}`);
  }
}

const gateway = new ApolloGateway({
  supergraphSdl: composed.supergraphSdl,
  buildService: ({ name, url }) =>
    name === "notes"
      ? new LocalGraphQLDataSource(buildSubgraphSchema({ typeDefs: notes, resolvers }))
      : new WithKey({ url }),
  logger: { debug() {}, info() {}, warn() {}, error: console.error },
});
const { executor } = await gateway.load();
const request = { query: asked.query, variables: asked.variables };
const answer = await executor({
  document: parse(asked.query),
  request,
  operationName: null,
  queryHash: asked.query,
  context: {},
  metrics: {},
  overallCachePolicy: { restrict() {}, policyIfCacheable: () => null },
  schema: gateway.schema,
  cache: undefined,
});
console.log(JSON.stringify({ data: answer.data, errors: answer.errors?.map((one) => one.message) }));
await gateway.stop();
