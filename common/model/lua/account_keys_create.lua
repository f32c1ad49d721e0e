-- New keys of an account, all of them or none, with their entries in the index of kids, and tells every cache.
-- KEYS[1] keys  ARGV: account, index (kid -> SK sid, same slot), most records, then of each: SK sid, record, kid or ""
-- Answers OK, FULL, or CONFLICT: a kid is there already.
local n = (#ARGV - 3) / 3
if redis.call('HLEN', KEYS[1]) + n > tonumber(ARGV[3]) then
	return 'FULL'
end
for i = 4, #ARGV, 3 do
	if redis.call('HEXISTS', ARGV[2], ARGV[i + 2]) == 1 then
		return 'CONFLICT'
	end
end
for i = 4, #ARGV, 3 do
	redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
	if ARGV[i + 2] ~= '' then
		redis.call('HSET', ARGV[2], ARGV[i + 2], ARGV[i])
	end
end
redis.call('PUBLISH', 'inv', ARGV[1])
return 'OK'
