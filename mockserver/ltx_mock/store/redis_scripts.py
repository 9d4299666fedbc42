"""The scripts that Redis runs on one space: compare its version, and read or commit.

`KEYS`: its version, its records by name, the versions of the records by name, its lines. A reply that begins with 0 has
the version, names and values; a reply of nothing means that there is no such space.
"""

from __future__ import annotations

from ltx_mock.store.redis_client import script

_WRITTEN_AFTER = """
local function written_after(version)
    local newest = redis.call('GET', KEYS[1])
    if not newest then return {} end
    if version == '0' then
        return {0, tonumber(newest), redis.call('HKEYS', KEYS[2]), redis.call('HVALS', KEYS[2])}
    end
    local names, values = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. version, '+inf'), {}
    for i, name in ipairs(names) do values[i] = redis.call('HGET', KEYS[2], name) or '' end
    return {0, tonumber(newest), names, values}
end
"""
_COMPARE = f"""{_WRITTEN_AFTER}
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then return written_after(ARGV[1]) end
"""

READ = script(f"{_WRITTEN_AFTER} return written_after(ARGV[1])")
"""Arguments: the version that the reader has."""

CHECK = script(f"""{_COMPARE}
local new = {{}}
for i = 2, #ARGV do
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then new[#new + 1] = ARGV[i] end
end
return {{1, new}}
""")
"""Say whether a commit would succeed. Arguments: the version, names of records. Reply: 1, the names that are new."""

COMMIT = script(f"""{_COMPARE}
local records, lines, first = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local alone = KEYS[5]
-- Each of the first writes is refused when memory is short or a number is too low; then nothing is written.
if lines > 0 then
    if alone then first = redis.call('INCRBY', KEYS[5], lines) - lines + 1 end
    for i = 1, lines do
        redis.call('XADD', KEYS[4], string.format('%d-1', first + i - 1), 'line', ARGV[5 + 2 * records + i])
    end
end
local version = redis.call('INCR', KEYS[1])
for i = 1, records do
    local name, value = ARGV[4 + 2 * i], ARGV[5 + 2 * i]
    redis.call('ZADD', KEYS[3], version, name)
    if value == '' then
        redis.call('HDEL', KEYS[2], name)
        if alone then redis.call('HDEL', KEYS[6 + i], name) end
    elseif redis.call('HSET', KEYS[2], name, value) == 1 and alone then
        redis.call('HSET', KEYS[6 + i], name, ARGV[2])
    end
end
if alone then redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[#ARGV], '*', 'space', ARGV[2]) end
return {{1, version, first}}
""")
"""Compare and commit.

Without a cluster the further keys are: the counter of lines, the news, and the index of each record. Arguments: the
version, the space, how many records, how many lines, in a cluster the number of the first line, names and values in
turn, the lines, without a cluster how many news to keep. Reply: 1, the new version, the number of the first line.
"""

REMOVE = script("""
local version = redis.call('GET', KEYS[1])
if not version or ARGV[1] ~= '' and ARGV[1] ~= version then return {} end
local names = redis.call('HKEYS', KEYS[2])
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return {1, names}
""")
"""Remove a space. Argument: the version that it must have, or nothing for any. Reply: 1, the names of its records."""

SIGN_OF_LIFE = script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
""")
"""Note that a worker is alive. Key: the workers. Arguments: its name, for how many ms it counts as alive."""
