-- The calls of a shard that are overdue, the subjects whose status callbacks are due.
-- KEYS[1] D:{cN}  ARGV: overdue_ms, limit
-- Answers {{call, ...}, {subject, ...}}.
--@include _time.lua
local now = now_ms()
local due = string.gsub(KEYS[1], '^D', 'O')
return { redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', num(now - tonumber(ARGV[1])), 'LIMIT', 0, tonumber(ARGV[2])),
         redis.call('ZRANGEBYSCORE', due, '-inf', num(now - tonumber(ARGV[1])), 'LIMIT', 0, tonumber(ARGV[2])) }
