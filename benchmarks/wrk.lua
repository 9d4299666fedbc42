-- wrk -s wrk.lua URL -- TARGETS [BODY]: sends the requests of the file TARGETS in turn, one of "KEY PATH" in each line,
-- with the JSON of the file BODY as POST, in which @@@@@@@@ becomes the number of the request. It prints requests,
-- microseconds, errors, and the 50th and 99th percentile of the microseconds until a response.
local NUMBER = "@@@@@@@@"

function init(args)
   local requests = {}
   local headers, body = {}, nil
   if args[2] then
      headers["Content-Type"] = "application/json"
      body = io.open(args[2], "rb"):read("*a")
   end
   for line in io.lines(args[1]) do
      local key, path = line:match("^(%S+) (%S+)$")
      headers["Authorization"] = "Bearer " .. key
      local text = wrk.format(body and "POST" or "GET", path, headers, body)
      local at = text:find(NUMBER, 1, true)
      requests[#requests + 1] = at and {text:sub(1, at - 1), text:sub(at + #NUMBER)} or {text}
   end
   local turn, number = 0, 0
   request = function()
      turn, number = turn % #requests + 1, number + 1
      local before, after = unpack(requests[turn])
      return after and before .. string.format("%08d", number) .. after or before
   end
end

function done(summary, latency)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format("\nresult %d %d %d %d %d\n", summary.requests, summary.duration, failed,
      latency:percentile(50), latency:percentile(99)))
end
