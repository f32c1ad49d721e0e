-- Removes a record of an account and its entry in their index, if it has one, and tells every cache.
-- KEYS[1] records  ARGV: sid, account, index (name -> sid, same slot), the record's member that is its name there
-- Answers OK or NOT_FOUND.
local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old then
	return 'NOT_FOUND'
end
local name = cjson.decode(old)[ARGV[4]]
redis.call('HDEL', KEYS[1], ARGV[1])
if name then
	redis.call('HDEL', ARGV[3], name)
end
redis.call('PUBLISH', 'inv', ARGV[2])
return 'OK'
