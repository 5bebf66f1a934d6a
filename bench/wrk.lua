-- What wrk sends and how it reports: POST of BODY bytes or DEPTH requests in one write where these are
-- set, and at the end one line that benchlib/load.py reads.
local depth = tonumber(os.getenv("DEPTH") or "1")
local body = tonumber(os.getenv("BODY") or "0")

if body > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", body)
end

if depth > 1 then
    local batch

    function init(args)
        local one = {}
        for i = 1, depth do
            one[i] = wrk.format()
        end
        batch = table.concat(one)
    end

    function request()
        return batch
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
        e.connect + e.read + e.write + e.timeout, e.status,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
