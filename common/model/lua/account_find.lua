-- The record of an account that an index of it names: an address by its number, a key by its kid.
-- KEYS[1] records  ARGV: index (name -> sid, same slot), name
-- Answers {sid, record}, or nil.
local sid = redis.call('HGET', ARGV[1], ARGV[2])
if not sid then
	return false
end
local record = redis.call('HGET', KEYS[1], sid)
if not record then
	return false
end
return { sid, record }
