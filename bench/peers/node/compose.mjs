// Composes the supergraph of the federated peers.
//
//   node compose.mjs SUPERGRAPH NAME=URL=SCHEMA…

import { readFileSync, writeFileSync } from "node:fs";
import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const [target, ...subgraphs] = process.argv.slice(2);
const composed = composeServices(
  subgraphs.map((one) => {
    const [name, url, file] = one.split("=");
    return { name, url, typeDefs: parse(readFileSync(file, "utf8")) };
  }),
);
if (composed.errors?.length) {
  console.error(composed.errors.map((one) => one.message).join("\n"));
  process.exit(1);
}
writeFileSync(target, composed.supergraphSdl);
