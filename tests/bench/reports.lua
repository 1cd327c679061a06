-- wrk's script: every request brings the next report of a file made by tests/bench/fleet.py.
-- Arguments after `--`: the file, the token. Prints one line of JSON at the end.

local LENGTH = 36 + 8
local file, head

function init(arguments)
   file = assert(io.open(arguments[1], "rb"))
   file:setvbuf("full", 1048576)
   head = " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " .. arguments[2]
      .. "\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: "
end

function request()
   local start = file:read(LENGTH)
   if not start then -- the same again: known ones, which the bench notices
      file:seek("set", 0)
      start = file:read(LENGTH)
   end
   local size = tonumber(start:sub(37))
   return "POST /v1/reports/" .. start:sub(1, 36) .. head .. size .. "\r\n\r\n" .. file:read(size)
end

function done(summary, latency, _)
   local errors = summary.errors
   print(string.format(
      '{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"refused":%d,"broken":%d}',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
