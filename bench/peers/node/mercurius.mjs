// mercurius with JIT and its loaders, as its documentation shows them.
//
//   node mercurius.mjs PORT ERP OMS WMS

import Fastify from "fastify";
import mercurius from "mercurius";
import { readOrder, readPromises, readRows, typeDefs } from "./systems.mjs";

// Two loaders need the same rows: they are read once for a request.
const rowsOf = (context, lines) => (context.rows ??= readRows(lines));
const lines = (queries) => queries.map(({ obj }) => obj);
const opts = { cache: false };

const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers: {
    Query: { order: (_, { number }) => ({ number }) },
    Order: { lines: async ({ number }, { first }) => ({ nodes: await readOrder(number, first) }) },
  },
  loaders: {
    OrderLine: {
      promised: { loader: async (queries) => readPromises(lines(queries)), opts },
      allocated: {
        loader: async (queries, context) =>
          (await rowsOf(context, lines(queries))).map((one) => one?.allocated ?? null),
        opts,
      },
      shipped: {
        loader: async (queries, context) =>
          (await rowsOf(context, lines(queries))).map((one) => one?.shipped ?? null),
        opts,
      },
    },
  },
  jit: 1,
});
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
