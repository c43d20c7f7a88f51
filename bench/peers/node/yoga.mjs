// graphql-yoga with a DataLoader for each system, made anew for every request.
//
//   node yoga.mjs PORT ERP OMS WMS

import { createServer } from "node:http";
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";
import { readOrder, readPromises, readRows, typeDefs } from "./systems.mjs";

const yoga = createYoga({
  schema: createSchema({
    typeDefs,
    resolvers: {
      Query: { order: (_, { number }) => ({ number }) },
      Order: {
        lines: async ({ number }, { first }) => ({ nodes: await readOrder(number, first) }),
      },
      OrderLine: {
        promised: (line, _, { promises }) => promises.load(line),
        allocated: async (line, _, { rows }) => (await rows.load(line))?.allocated ?? null,
        shipped: async (line, _, { rows }) => (await rows.load(line))?.shipped ?? null,
      },
    },
  }),
  context: () => ({ promises: new DataLoader(readPromises), rows: new DataLoader(readRows) }),
  graphiql: false,
  landingPage: false,
  logging: false,
});
createServer(yoga).listen(Number(process.argv[2]), "127.0.0.1");
