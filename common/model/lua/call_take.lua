-- Takes a call over: from an owner that is late, or one that let it go.
-- KEYS[1] call  ARGV: own address, overdue_ms ("" takes it only if it was let go), trace line
-- Answers {"ok", fence, revision} or {"no"}.
--@include _call.lua
local key, own, overdue, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local have = redis.call('HMGET', key, 'own', 'fence')
local due = redis.call('ZSCORE', deadlines_of(key), call_of(key))
if not have[1] then
	redis.call('ZREM', deadlines_of(key), call_of(key))
	return { 'no' }
end
if have[1] ~= '' and (overdue == '' or not due or tonumber(due) + tonumber(overdue) > now_ms()) then
	return { 'no' }
end
local fence = redis.call('HINCRBY', key, 'fence', 1)
redis.call('HSET', key, 'own', own)
redis.call('ZADD', deadlines_of(key), num(now_ms() + ACT_WITHIN_MS), call_of(key))
trace(key, line)
return { 'ok', num(fence), redis.call('HINCRBY', key, 'rev', 1) }
