-- Takes the oldest entry of a subject for delivery; nobody else gets one of this
-- subject until the visibility time is over or it was settled: so order holds.
-- KEYS[1] o:{slot}:subject  ARGV: visibility_ms
-- Answers {entry, tries, first try (ms), now_ms}, {"", ms to wait} while another is at it, or {} when there is none.
--@include _time.lua
local shard, subject = string.match(KEYS[1], '^o:({.-}):(.*)$')
local due, tries = 'O:' .. shard, 'T:' .. shard
local now = now_ms()
local head = redis.call('LINDEX', KEYS[1], 0)
if not head then
	redis.call('ZREM', due, subject)
	redis.call('HDEL', tries, subject)
	return {}
end
local at = tonumber(redis.call('ZSCORE', due, subject) or '0')
if at > now then
	return { '', num(at - now) }
end
local have = split(redis.call('HGET', tries, subject) or ('0|' .. num(now)), '|')
redis.call('HSET', tries, subject, num(tonumber(have[1]) + 1) .. '|' .. have[2])
redis.call('ZADD', due, num(now + tonumber(ARGV[1])), subject)
return { head, tonumber(have[1]) + 1, have[2], num(now) }
