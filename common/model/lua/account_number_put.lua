-- Creates or replaces an address of an account, with its entry in the index of numbers, and tells every cache.
-- KEYS[1] addresses  ARGV: PN sid, record, version that it replaces ("0": whatever is there), most records, account,
--         index (number -> PN sid, same slot), number
-- Answers OK, NOT_FOUND, STALE, FULL, or CONFLICT: the number has another address, or the address another number.
local old = redis.call('HGET', KEYS[1], ARGV[1])
local holder = redis.call('HGET', ARGV[6], ARGV[7])
if ARGV[3] ~= '0' then
	if not old then
		return 'NOT_FOUND'
	end
	if string.match(old, '^{"updated":(%d+)') ~= ARGV[3] then
		return 'STALE'
	end
end
if (holder and holder ~= ARGV[1]) or (old and not holder) then
	return 'CONFLICT'
end
if not old and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
	return 'FULL'
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', ARGV[6], ARGV[7], ARGV[1])
redis.call('PUBLISH', 'inv', ARGV[5])
return 'OK'
