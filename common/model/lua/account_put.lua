-- Creates or replaces one record of an account (its own, a key, an application) and tells every cache.
-- KEYS[1] hash  ARGV: field, record, version that it replaces ("0": whatever is there), most records,
--         account ("": nobody caches this)
-- Answers OK, NOT_FOUND, STALE or FULL.
local old = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[3] ~= '0' then
	if not old then
		return 'NOT_FOUND'
	end
	if string.match(old, '^{"updated":(%d+)') ~= ARGV[3] then
		return 'STALE'
	end
end
if not old and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
	return 'FULL'
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[5] ~= '' then
	redis.call('PUBLISH', 'inv', ARGV[5])
end
return 'OK'
