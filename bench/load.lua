-- What wrk sends: keys and orders in turn. Told by the environment:
--   BENCH_KEYS   a file of API keys, one a line; empty for none
--   BENCH_HEAD   the body up to the order's number; BENCH_TAIL what follows it
--   BENCH_ONE_KEY   not empty: the first key asks everything
--   BENCH_ASKED   how often was asked before: keys and orders go on from there
--   BENCH_DIGIT, BENCH_ORDERS   which orders, and how many
local keys, head, tail = {}, os.getenv("BENCH_HEAD"), os.getenv("BENCH_TAIL")
local digit, orders = os.getenv("BENCH_DIGIT"), tonumber(os.getenv("BENCH_ORDERS"))
local file = os.getenv("BENCH_KEYS")
if file ~= "" then for key in io.lines(file) do keys[#keys + 1] = key end end
if os.getenv("BENCH_ONE_KEY") ~= "" then keys = { keys[1] } end
local asked = tonumber(os.getenv("BENCH_ASKED"))
local headers = { ["content-type"] = "application/json", ["accept"] = "application/json" }

request = function()
  asked = asked + 1
  if #keys > 0 then headers["authorization"] = "Bearer " .. keys[asked % #keys + 1] end
  local number = string.format("B%s%04d", digit, asked % orders)
  return wrk.format("POST", "/graphql", headers, head .. number .. tail)
end

done = function(summary, latency)
  io.write(string.format("BENCH %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(99)))
end
