-- Something happened to a call, told by whoever heard it: a device, a gateway, the REST API, a reaper.
-- KEYS[1] call  ARGV: event, leg, attempt ("" for any), word, text, trace line
--   ringing leg            the device acknowledges
--   answer  leg            the compare-and-set: first one wins; text is its SDP
--   reject  leg word       declined or busy
--   lost    leg word       its channel is gone; word is how long it may come back (ms)
--   hangup  leg word       leg 0 is the caller; word is the reason
--   control word           by REST: canceled or completed
-- Answers {"ok", owner address, state, n} or {error name, owner address, state}.
--@include _call.lua
local key, event, leg, attempt, word, text, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local have = redis.call('HMGET', key, 'st', 'own', 'att', 'win', 's' .. leg, 't' .. leg, 'until', 'hup', 'ctl', 'cdev')
local state, owner, status = have[1], have[2], have[5]
if not state then
	return { 'NOT_FOUND', '', '' }
end
local win = have[4] or ''
local now = now_ms()
local waits = status == 'n' or status == 'k'     -- this leg rings

local function refuse(name)
	return { name, owner, state }
end

local function done(...)
	redis.call('HSET', key, ...)
	redis.call('HINCRBY', key, 'rev', 1)
	trace(key, line)
	act_soon(key)
	return { 'ok', owner, state, leg }
end

if event == 'ringing' then
	if state ~= 'ringing' or status ~= 'n' then
		return { 'ok', '', state, leg }
	end
	return done('s' .. leg, 'k')

elseif event == 'answer' then
	if not status or (attempt ~= '' and attempt ~= have[6]) then
		return refuse('COMM_TOKEN_INVALID')
	elseif state == 'ended' and win == '' then
		return refuse('CALL_ENDED')
	elseif have[6] == have[3] and win ~= '' then
		return refuse('ALREADY_ANSWERED')
	elseif state ~= 'ringing' or have[6] ~= have[3] or not waits or tonumber(have[7]) < now then
		return refuse('COMM_TOKEN_EXPIRED')
	elseif have[8] or have[9] then
		return refuse('CALL_ENDED')      -- the caller's hang-up came first
	end
	state = 'answered'
	return done('st', 'answered', 'win', leg, 's' .. leg, 'a', 'asdp', text, 'answered', num(now))

elseif event == 'reject' then
	if state ~= 'ringing' or not waits then
		return refuse('CALL_ENDED')
	end
	return done('s' .. leg, 'x', 'r' .. leg, word)

elseif event == 'lost' then
	if state == 'ringing' and waits then
		return done('s' .. leg, 'l', 'r' .. leg, 'lost')
	elseif state == 'ended' or (leg ~= '0' and leg ~= win) then
		return refuse('CALL_ENDED')
	elseif redis.call('HSETNX', key, 'lost' .. leg, num(now + tonumber(word))) == 1 then
		return done('seen' .. leg, num(now))
	end
	return { 'ok', '', state, leg }

elseif event == 'hangup' then
	if state == 'ended' or have[8] then
		return refuse('CALL_ENDED')
	elseif leg ~= '0' and leg ~= win then
		return refuse('NO_SUCH_LEG')
	end
	return done('hup', leg, 'hupr', word)

elseif event == 'control' then
	if state == 'ended' or have[9] then
		return refuse('CALL_STATE')
	elseif word == 'canceled' and redis.call('HEXISTS', key, 'up') == 1 then
		return refuse('CALL_STATE')
	end
	return done('ctl', word)
end
return refuse('INTERNAL')
