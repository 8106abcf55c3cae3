-- POSTs one body over and over, each time under a key of its own, and reports as one line of JSON.
local run = os.getenv("BENCH_RUN")
local serial = 0
local file = io.open(os.getenv("BENCH_BODY"), "rb")
local body = file:read("*a")
file:close()
local headers = { ["Content-Type"] = os.getenv("BENCH_TYPE") }
for name, value in string.gmatch(os.getenv("BENCH_HEADERS"), "([^:\n]+): ([^\n]+)") do
  headers[name] = value
end

request = function()
  serial = serial + 1
  headers["Idempotency-Key"] = run .. "-" .. serial
  return wrk.format("POST", nil, headers, body)
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "us": %d, "p99_us": %d, "refused": %d, "lost": %d}\n',
    summary.requests, summary.duration, latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
