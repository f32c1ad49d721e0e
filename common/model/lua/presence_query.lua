-- The lines of several clients of one partition, in the order asked.  Reads only.
-- KEYS[1] the first of them  ARGV: identity ...
-- Answers {line or nil, ...}.
local stem = string.match(KEYS[1], '^c:{.-}:.-:')
local out = {}
for i, identity in ipairs(ARGV) do
	out[i] = redis.call('HGET', stem .. identity, 'm')
end
return out
