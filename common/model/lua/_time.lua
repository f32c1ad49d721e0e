-- Shared deadlines are written and compared only with this clock.
local function now_us()
	local t = redis.call('TIME')
	return tonumber(t[1]) * 1000000 + tonumber(t[2])
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
