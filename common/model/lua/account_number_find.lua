-- The address that has a number.
-- KEYS[1] addresses  ARGV: index (number -> PN sid, same slot), number
-- Answers {PN sid, record}, or nil.
local sid = redis.call('HGET', ARGV[1], ARGV[2])
if not sid then
	return false
end
local record = redis.call('HGET', KEYS[1], sid)
if not record then
	return false
end
return { sid, record }
