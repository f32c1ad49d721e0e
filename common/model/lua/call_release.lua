-- The owner lets a call go (it is shutting down): whoever looks first takes it.
-- KEYS[1] call  ARGV: own address, trace line
--@include _call.lua
local key = KEYS[1]
if redis.call('HGET', key, 'own') ~= ARGV[1] or redis.call('HGET', key, 'st') == 'ended' then
	return 0
end
redis.call('HSET', key, 'own', '')
redis.call('HINCRBY', key, 'rev', 1)
redis.call('ZADD', deadlines_of(key), num(now_ms()), call_of(key))
trace(key, ARGV[2])
return 1
