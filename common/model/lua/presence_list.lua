-- Clients of an account in one partition that fit, in the order of their names.  Reads only.
-- KEYS[1] i:{pN}:AC:all  ARGV: prefix, name to go on behind ("" from the start), status or "", media, ringable,
--         how many at most, how many to look at, index terms ...
-- Answers {name to go on behind ("" when nobody is left), name, line, name, line, ...}.
-- The smallest of the indexes that have to hold everybody who fits is walked.  It names candidates; their records decide.
--@include _client.lua
local tag, account = string.match(KEYS[1], '^i:({.-}):(.-):all$')
local prefix, after, status = ARGV[1], ARGV[2], ARGV[3]
local media, ringable, most, look = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local own = tag .. ':' .. account .. ':'
local from = after ~= '' and '(' .. after or '[' .. prefix
local to = prefix ~= '' and '(' .. prefix .. '\255' or '+'    -- names are ASCII

local terms, indexes = {}, { 'all' }
for i = 8, #ARGV do
	terms[#terms + 1] = ARGV[i]
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
	local n = redis.call('ZLEXCOUNT', 'i:' .. own .. name, from, to)
	if not left or n < left then
		walked, left = name, n
	end
end

local LOOK_BYTES = 256 * 1024            -- of terms, in one call
local looked = 0

-- Each of the terms is one of some device.
local function has_terms(name)
	local texts, found = 'x:' .. own .. name, {}
	for _, term in ipairs(terms) do
		if not redis.call('ZSCORE', 'i:' .. own .. 'a:' .. term, name) then
			return false
		end
	end
	for _, field in ipairs(#terms > 0 and redis.call('HKEYS', texts) or {}) do
		if string.sub(field, 1, 1) == 't' then
			local packed = '\0' .. redis.call('HGET', texts, field) .. '\0'
			looked = looked + #packed
			for _, term in ipairs(terms) do
				found[term] = found[term] or string.find(packed, '\0' .. term .. '\0', 1, true)
			end
		end
	end
	for _, term in ipairs(terms) do
		if not found[term] then
			return false
		end
	end
	return true
end

local function fits(name, packed)
	local line = packed and line_of(packed)
	return line and (status == '' or line.status == status) and bit.band(line.media, media) == media
		and bit.band(line.ringable, ringable) == ringable and has_terms(name)
end

local out = { '' }
for i, name in ipairs(redis.call('ZRANGEBYLEX', 'i:' .. own .. walked, from, to, 'LIMIT', 0, look)) do
	local packed = redis.call('HGET', 'c:' .. own .. name, 'm')
	if fits(name, packed) then
		out[#out + 1] = name
		out[#out + 1] = packed
	end
	out[1] = i < left and name or ''
	if #out > 2 * most or looked > LOOK_BYTES then
		break
	end
end
return out
