-- Clients of an account in one partition that fit, in the order of their names.  Reads only.
-- KEYS[1] i:{pN}:AC:all  ARGV: prefix, name to go on behind ("" from the start), status or "", media, ringable,
--         how many at most, how many to look at, index terms ...
-- Answers {name to go on behind ("" when nobody is left), name, line, name, line, ...}.
-- The smallest of the indexes that have to hold everybody who fits is walked; the line, and the other terms'
-- indexes, decide.
--@include _client.lua
local tag, account = string.match(KEYS[1], '^i:({.-}):(.-):all$')
local prefix, after, status = ARGV[1], ARGV[2], ARGV[3]
local media, ringable, most, look = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local index, clients = 'i:' .. tag .. ':' .. account .. ':', 'c:' .. tag .. ':' .. account .. ':'
local from = after ~= '' and '(' .. after or '[' .. prefix
local to = prefix ~= '' and '(' .. prefix .. '\255' or '+'    -- names are ASCII

local terms, indexes = {}, { 'all' }
for i = 8, #ARGV do
	terms[#terms + 1] = 'a:' .. ARGV[i]
	indexes[#indexes + 1] = 'a:' .. ARGV[i]
end
for _, one in ipairs(MEDIA_BITS) do
	if bit.band(ringable, one) ~= 0 then
		indexes[#indexes + 1] = 'r:' .. one
	end
end
if status ~= '' then
	indexes[#indexes + 1] = 's:' .. status
end

local walked, left
for _, name in ipairs(indexes) do
	local n = redis.call('ZLEXCOUNT', index .. name, from, to)
	if not left or n < left then
		walked, left = name, n
	end
end

local function fits(name, packed)
	local line = packed and line_of(packed)
	if not line or (status ~= '' and line.status ~= status)
		or bit.band(line.media, media) ~= media or bit.band(line.ringable, ringable) ~= ringable then
		return false
	end
	for _, term in ipairs(terms) do
		if term ~= walked and not redis.call('ZSCORE', index .. term, name) then
			return false
		end
	end
	return true
end

local out = { '' }
for i, name in ipairs(redis.call('ZRANGEBYLEX', index .. walked, from, to, 'LIMIT', 0, look)) do
	local packed = redis.call('HGET', clients .. name, 'm')
	if fits(name, packed) then
		out[#out + 1] = name
		out[#out + 1] = packed
	end
	out[1] = i < left and name or ''
	if #out > 2 * most then
		break
	end
end
return out
