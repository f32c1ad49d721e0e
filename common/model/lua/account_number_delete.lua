-- Removes an address of an account and its entry in the index of numbers, and tells every cache.
-- KEYS[1] addresses  ARGV: PN sid, account, index (number -> PN sid, same slot)
-- Answers OK or NOT_FOUND.
local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old then
	return 'NOT_FOUND'
end
redis.call('HDEL', KEYS[1], ARGV[1])
-- The characters of a number need no escape in JSON.
redis.call('HDEL', ARGV[3], string.match(old, '^{"updated":%d+,"number":"([^"]+)"'))
redis.call('PUBLISH', 'inv', ARGV[2])
return 'OK'
