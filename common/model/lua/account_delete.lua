-- Removes one record of an account (a key, an application) and tells every cache.
-- KEYS[1] hash  ARGV: field, account
-- Answers OK or NOT_FOUND.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
	return 'NOT_FOUND'
end
redis.call('PUBLISH', 'inv', ARGV[2])
return 'OK'
