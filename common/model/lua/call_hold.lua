-- The owner is at work and says so: nobody has to take the call over for `ms` more.
-- KEYS[1] call  ARGV: own address, fence, ms
--@include _call.lua
local key = KEYS[1]
local have = redis.call('HMGET', key, 'own', 'fence', 'st')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] or have[3] == 'ended' then
	return 0
end
redis.call('ZADD', deadlines_of(key), num(now_ms() + tonumber(ARGV[3])), call_of(key))
return 1
