-- What became of the entry that was taken.
-- KEYS[1] o:{slot}:subject  ARGV: JSON as taken, "done" or "dead" or "retry", retry_ms, dead letter list, why
-- Answers how many are left.
--@include _time.lua
local KEEP_DEAD_MS = 30 * 24 * 3600 * 1000
local shard, subject = string.match(KEYS[1], '^o:({.-}):(.*)$')
local due, tries = 'O:' .. shard, 'T:' .. shard
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then
	return 0                         -- settled by another after our time was over
end
if ARGV[2] == 'retry' then
	redis.call('ZADD', due, num(now_ms() + tonumber(ARGV[3])), subject)
	return redis.call('LLEN', KEYS[1])
end
redis.call('LPOP', KEYS[1])
if ARGV[2] == 'dead' then
	local tried = split(redis.call('HGET', tries, subject) or '0', '|')[1]
	redis.call('XADD', ARGV[4], 'MAXLEN', '~', '1000', '*', 'subject', subject, 'm', ARGV[1], 'why', ARGV[5], 'tries', tried)
	redis.call('PEXPIRE', ARGV[4], KEEP_DEAD_MS)
end
redis.call('HDEL', tries, subject)
local left = redis.call('LLEN', KEYS[1])
if left > 0 then
	redis.call('ZADD', due, num(now_ms()), subject)
else
	redis.call('ZREM', due, subject)
end
return left
