-- A client with its devices, or one device of it.
-- KEYS[1] client  ARGV: DV, or nothing for the whole client
-- Answers {fields and values of the client, DV and JSON of each device}, or {record, JSON, index terms} of the one device.
local texts = 'x' .. string.sub(KEYS[1], 2)
if ARGV[1] then
	return { redis.call('HGET', KEYS[1], 'd' .. ARGV[1]), redis.call('HGET', texts, ARGV[1]), redis.call('HGET', texts, 't' .. ARGV[1]) }
end
return { redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', texts) }
