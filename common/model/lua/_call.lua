-- A call's hash, call:{cN}:CA; see common/model/call.h for every field.  Here matter:
--   st state  rev revision  fence, own: who works on it  att ring attempt  win winning leg
--   s<n> leg status: n rung, k acknowledged, r that was reported, a answered, p answered before its ringing was reported,
--   x rejected, c cancelled, l lost, h ended
--   t<n> attempt of a leg   until  end of the present wait (ms)   ended  when it ended (ms)
--   hup leg that hung up, hupr why   ctl  wanted by REST: canceled or completed   xto, xby  wanted transfer, by which leg
-- t:{cN}:CA is its trace.  D:{cN} holds when somebody has to look at it.
-- l:{cN}:AC lists an account's calls by when they were made; readers skip what can no longer be read.
--@include _time.lua

local TRACE_MAX = 500
local TRACE_KEPT = 50                    -- of them not for verbs: however many there are, how it ends is told
local ACT_WITHIN_MS = 1000               -- the owner is nudged; later than this another bridge takes over
local LIVES_MS = 48 * 3600 * 1000        -- longer than any call

local function deadlines_of(key)
	return 'D:{' .. string.match(key, '{(.-)}') .. '}'
end

local function call_of(key)
	return string.match(key, '}:(.*)$')
end

-- Leg 0 is the caller.
local function device_of_leg(key, n)
	if n == '0' then
		return redis.call('HGET', key, 'cdev') or ''
	end
	return string.match(redis.call('HGET', key, 'i' .. n) or '', '^[^|]*|([^|]*)|') or ''
end

local function trace(key, ...)
	local list = 't:{' .. string.match(key, '{(.-)}') .. '}:' .. call_of(key)
	for _, line in ipairs({ ... }) do
		local is_verb = string.find(line, '"event":"verb"', 1, true) or string.find(line, '"event":"skipped"', 1, true)
		if redis.call('LLEN', list) < (is_verb and TRACE_MAX - TRACE_KEPT or TRACE_MAX) then
			redis.call('RPUSH', list, num(now_ms()) .. ' ' .. line)
		end
	end
end

local function act_soon(key)
	redis.call('ZADD', deadlines_of(key), 'LT', num(now_ms() + ACT_WITHIN_MS), call_of(key))
end

-- The list goes some time after the last call that is in it.
local function list_put(key, account, created_ms, keep_ms)
	local list = 'l:{' .. string.match(key, '{(.-)}') .. '}:' .. account
	redis.call('ZADD', list, 'NX', created_ms, call_of(key))
	if redis.call('PTTL', list) < keep_ms then
		redis.call('PEXPIRE', list, num(keep_ms))
	end
	return list
end
