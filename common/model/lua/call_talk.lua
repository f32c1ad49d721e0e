-- What one of the two sides of a call says to the other, or wants of their talk.
-- KEYS[1] call  ARGV: what, leg, device ("" of a gateway), word, text, trace line
--   candidate       text is JSON. Before the two are connected it is kept: the other side has it with its `answered`
--   update word     word is "" for an offer, else the number of the offer that is answered. The SDP itself passes by
--   hold, resume    the other side hears of it by the owner
--   transfer word   this side leaves, the other one is connected with that client; text names the only device that is rung
--                   and the talk that it leaves (call.h: transfer_with), or nothing
-- Answers {"ok", owner address, state, number, leg, device, address}, the last three of the other side ("" each: it is not
-- connected yet), or {error name, "", state}. Each may be repeated.
--@include _call.lua
local OFFER_MS = 10000                   -- so long an offer of one side keeps the other from making one
local CANDIDATES_MAX = 32768
local key, what, leg, device, word, text, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local have = redis.call('HMGET', key, 'st', 'own', 'win', 'cleg', 'hup', 'ctl', 'xto', 'xby', 's' .. leg)
local state, owner, win, status = have[1], have[2], have[3], have[9]
if not state then
	return { 'NOT_FOUND', '', '' }
end

local function refuse(name)
	return { name, '', state }
end

local is_caller = leg == '0' or leg == have[4]
local is_connected = state == 'bridged' and (is_caller or leg == win)
if state == 'ended' then
	return refuse('CALL_ENDED')
elseif device_of_leg(key, leg) ~= device then
	return refuse('NO_SUCH_LEG')
end

local function other_side()
	if not is_connected then
		return { '', '', '' }
	elseif is_caller then
		local p = split(redis.call('HGET', key, 'i' .. win), '|')
		return { win, p[2], p[3] }
	end
	local caller = redis.call('HMGET', key, 'ck', 'cdev', 'caddr')
	local is_device = caller[1] == 'device'
	return { have[4] ~= '' and have[4] or '0', is_device and caller[2] or '', is_device and caller[3] or '' }
end

local function said(number, by)
	local other = other_side()
	return { 'ok', by or '', state, num(number), other[1], other[2], other[3] }
end

local function done(...)
	redis.call('HSET', key, ...)
	redis.call('HINCRBY', key, 'rev', 1)
	trace(key, line)
	act_soon(key)
	return said(0, owner)
end

if what == 'candidate' then
	if is_connected then
		return said(0)
	elseif not is_caller and not string.find('nkrpa', status or '-', 1, true) then
		return refuse('CALL_ENDED')
	end
	local field = is_caller and 'e0' or 'e' .. leg
	local kept = redis.call('HGET', key, field) or ''
	if #kept + #text > CANDIDATES_MAX then
		return refuse('TOO_LARGE')
	end
	redis.call('HSET', key, field, kept == '' and text or kept .. ',' .. text)
	redis.call('HINCRBY', key, 'rev', 1)     -- the answer that is on its way into a commit takes it along
	return said(0)
end

local leaves = have[7] and have[7] ~= ''
local ends = (have[5] and have[5] ~= '') or (have[6] and have[6] ~= '')
local side = is_caller and '0' or leg
if what == 'transfer' and leaves and have[7] == word and (have[8] or '') == (side == '0' and '' or side) then
	return said(0, owner)
elseif not is_connected or leaves or ends then
	return refuse('CALL_STATE')
end

if what == 'update' then
	local last = split(redis.call('HGET', key, 'upd') or '0', ' ')
	local number, by, until_ms = tonumber(last[1]) or 0, last[2], tonumber(last[3] or '0')
	if other_side()[2] == '' then
		return refuse('CONFLICT')        -- a gateway
	elseif word ~= '' and (word ~= num(number) or not by or by == leg) then
		return refuse('CONFLICT')        -- there is no such offer
	elseif word == '' and by and by ~= leg and until_ms > now_ms() then
		return refuse('CONFLICT')        -- the other side was first
	end
	number = word == '' and number + 1 or number
	redis.call('HSET', key, 'upd', word ~= '' and num(number) or num(number) .. ' ' .. leg .. ' ' .. num(now_ms() + OFFER_MS))
	redis.call('HINCRBY', key, 'rev', 1)
	return said(number)

elseif what == 'hold' or what == 'resume' then
	local held = tonumber(redis.call('HGET', key, 'hold') or '') or 0
	local bit = is_caller and 1 or 2
	local holds = math.floor(held / bit) % 2 == 1
	if holds == (what == 'hold') then
		return said(0)
	end
	return done('hold', num(holds and held - bit or held + bit))

elseif what == 'transfer' then
	return done('xto', word, 'xby', side == '0' and '' or side, 'xw', text)
end
return refuse('INTERNAL')
