-- Puts dead letters back into their subjects' outboxes, behind what waits there, oldest first.
-- KEYS[1] z:{slot}:AC  ARGV: from id, to id, how many at most
-- Answers {put back, left in the list}.
--@include _time.lua
local slot = string.match(KEYS[1], '^z:({.-}):')
local letters = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
local now = num(now_ms())
for _, letter in ipairs(letters) do
	local fields = {}
	for i = 1, #letter[2], 2 do
		fields[letter[2][i]] = letter[2][i + 1]
	end
	redis.call('XDEL', KEYS[1], letter[1])
	redis.call('RPUSH', 'o:' .. slot .. ':' .. fields.subject, fields.m)
	redis.call('ZADD', 'O:' .. slot, 'NX', now, fields.subject)
end
return { #letters, redis.call('XLEN', KEYS[1]) }
