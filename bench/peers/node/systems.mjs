// The three systems, as lean as the question allows: one call of each for many lines.
// Numbers stay exact: they are texts on the wire, and plain texts in the answer.

import { Pool } from "undici";

const [erp, oms, wms] = process.argv
  .slice(3, 6)
  .map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: 16 }));

export const typeDefs = /* GraphQL */ `
  scalar Decimal
  scalar Date
  type Query { order(number: String!): Order }
  type Order { lines(first: Int = 100): Lines }
  type Lines { nodes: [OrderLine!]! }
  type OrderLine {
    lineNumber: String!
    item: Item
    requested: Requested
    promised: Promised
    allocated: Stock
    shipped: Stock
  }
  type Item { sku: String! }
  type Requested { quantity: Quantity shipOn: Date }
  type Promised { quantity: Quantity firstDate: Date }
  type Stock { quantity: Quantity }
  type Quantity { value: Decimal! unit: String! }
`;

const PROMISES = `
  query Promises($orders: [String!], $first: Int) {
    promiseLines(orders: $orders, first: $first) {
      __typename
      ... on PromiseLinePage {
        lines {
          order line unit
          promise { __typename ... on PromiseSchedule {
            versions { version slices { quantity date } }
          } }
        }
        nextCursor
      }
    }
  }
`;
const SELECT = [
  "Items/SalesOrder",
  "Items/SalesOrderItem",
  "Items/Material",
  "Items/RequestedQuantity",
  "Items/RequestedQuantityUnit",
  "Items/RequestedShipDate",
].join(",");

async function ask(pool, path, body) {
  const answer = await pool.request({
    path,
    method: body ? "POST" : "GET",
    headers: body ? { "content-type": "application/json" } : {},
    body,
  });
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  return answer.body.json();
}

// Take the zeros, and then the point, from the end of a decimal text.
export function plain(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(units, decimals) {
  if (units == null) return null;
  if (decimals === 0) return String(units);
  const digits = String(Math.abs(units)).padStart(decimals + 1, "0");
  const whole = `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return plain(units < 0 ? `-${whole}` : whole);
}

function day(text) {
  if (text == null) return null;
  return new Date(Number(text.slice(6, -2))).toISOString().slice(0, 10);
}

// Add decimal texts exactly: as whole numbers of their last digit.
function sum(texts) {
  const decimals = Math.max(...texts.map((one) => (one.split(".")[1] ?? "").length));
  const units = texts.map((one) => {
    const [whole, rest = ""] = one.split(".");
    return BigInt(whole + rest.padEnd(decimals, "0"));
  });
  const total = units.reduce((left, right) => left + right).toString();
  return decimals === 0 ? total : plain(`${total.slice(0, -decimals)}.${total.slice(-decimals)}`);
}

export async function readOrder(number, first) {
  const filter = encodeURIComponent(`SalesOrder eq '${number.replaceAll("'", "''")}'`);
  const page = await ask(
    erp,
    `/odata/v2/SalesOrders?$filter=${filter}&$expand=Items&$format=json&$select=${SELECT}`,
  );
  const [order] = page.d.results;
  if (!order) return null;
  return order.Items.results.slice(0, first).map((row) => ({
    order: row.SalesOrder,
    lineNumber: row.SalesOrderItem,
    item: { sku: row.Material },
    requested: {
      quantity: { value: plain(row.RequestedQuantity), unit: row.RequestedQuantityUnit },
      shipOn: day(row.RequestedShipDate),
    },
  }));
}

// Read the promises of many lines at once, in the order of the lines.
export async function readPromises(lines) {
  const orders = [...new Set(lines.map((one) => one.order))];
  const body = JSON.stringify({ query: PROMISES, variables: { orders, first: 1000 } });
  const answer = await ask(oms, "/graphql", body);
  const found = new Map();
  for (const line of answer.data.promiseLines.lines) {
    const slices = line.promise.versions?.at(-1)?.slices ?? [];
    const dates = slices.map((one) => one.date).filter(Boolean).sort();
    found.set(`${line.order} ${line.line}`, {
      quantity: slices.length
        ? { value: plain(sum(slices.map((one) => one.quantity))), unit: line.unit }
        : null,
      firstDate: dates[0] ?? null,
    });
  }
  return lines.map((one) => found.get(`${one.order} ${one.lineNumber}`) ?? null);
}

// Read the warehouse rows of many lines at once, in the order of the lines.
export async function readRows(lines) {
  const orders = [...new Set(lines.map((one) => encodeURIComponent(one.order)))].join(",");
  const fields = "order_ref,order_line_ref,uom,decimals,units_allocated,units_shipped";
  const page = await ask(wms, `/v2/outbound-lines?orders=${orders}&limit=1000&fields=${fields}`);
  const found = new Map();
  const stock = (units, row) => {
    const value = scaled(units, row.decimals);
    return { quantity: value === null ? null : { value, unit: row.uom } };
  };
  for (const row of page.data) {
    found.set(`${row.order_ref} ${row.order_line_ref}`, {
      allocated: stock(row.units_allocated, row),
      shipped: stock(row.units_shipped, row),
    });
  }
  return lines.map((one) => found.get(`${one.order} ${one.lineNumber}`) ?? null);
}
