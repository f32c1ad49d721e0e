-- Shared deadlines are written and compared only with this clock. A script happens at one time, and asks for it once.
local at_us

local function now_us()
	if not at_us then
		local t = redis.call('TIME')
		at_us = tonumber(t[1]) * 1000000 + tonumber(t[2])
	end
	return at_us
end

local function now_ms()
	return math.floor(now_us() / 1000)
end

local function num(n)                    -- integers beyond 2^31 as plain digits
	return string.format('%.0f', n)
end

local function split(text, sep)
	local out, from = {}, 1
	while true do
		local at = string.find(text, sep, from, true)
		if not at then
			out[#out + 1] = string.sub(text, from)
			return out
		end
		out[#out + 1] = string.sub(text, from, at - 1)
		from = at + #sep
	end
end
