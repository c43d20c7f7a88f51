// Runs every audit of GraphQL over HTTP against a server, and prints the results as JSON:
// node audits.mjs '{"url": "…", "key": "…"}'
import { createRequire } from "node:module";
import { join } from "node:path";

const { auditServer } = createRequire(join(process.cwd(), "/"))("graphql-http");
const { url, key } = JSON.parse(process.argv[2]);
const results = await auditServer({
  url,
  fetchFn: (address, init) =>
    fetch(address, { ...init, headers: { ...init?.headers, authorization: `Bearer ${key}` } }),
});
console.log(
  JSON.stringify(results.map(({ id, status, name, reason }) => ({ id, status, name, reason }))),
);
