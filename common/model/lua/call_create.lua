-- Makes a call's record; a second time for the same id does nothing.
-- KEYS[1] call  ARGV: account, owner address, trace line, then field, value ...
-- Answers now_ms, or 0 when it was there already.
--@include _call.lua
local key, account, owner, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', key) == 1 then
	return 0
end
local now = now_ms()
local fields = { 'v', '1', 'ac', account, 'own', owner, 'fence', '1', 'rev', '1', 'st', 'new', 'att', '0', 'legs', '0', 'created', num(now) }
for i = 4, #ARGV do
	fields[#fields + 1] = ARGV[i]
end
redis.call('HSET', key, unpack(fields))
trace(key, line)
redis.call('ZADD', deadlines_of(key), num(now + ACT_WITHIN_MS), call_of(key))
list_put(key, account, num(now), LIVES_MS)
return num(now)
