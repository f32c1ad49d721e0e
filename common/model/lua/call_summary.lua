-- A few fields of a call's record, for lists.
-- KEYS[1] call  ARGV: fields
-- Answers {now_ms, {field, value ...}}, empty when there is no such call.
--@include _time.lua
local values = redis.call('HMGET', KEYS[1], unpack(ARGV))
local out = {}
for i, value in ipairs(values) do
	if value then
		out[#out + 1] = ARGV[i]
		out[#out + 1] = value
	end
end
return { num(now_ms()), out }
