-- An account's rules have changed: a partition in which it has clients learns of it.  What the clients
-- come to is consolidated at their next change.
-- KEYS[1] s:{pN}:AC  ARGV: version|flags|grace_ms|channel
-- Answers whether they were taken: the account has clients here, and knew no newer ones.
local old = redis.call('HGET', KEYS[1], 'p')
if not old or tonumber(string.match(old, '^%d+')) > tonumber(string.match(ARGV[1], '^%d+')) then
	return 0
end
redis.call('HSET', KEYS[1], 'p', ARGV[1])
return 1
