-- Something happened to a call, told by whoever heard it: a device, a gateway, the REST API, a reaper.
-- KEYS[1] call  ARGV: event, leg, attempt ("" for any), word, text, trace line
--   ringing leg            the device acknowledges; text is the device
--   receipt leg            the device has the message; text is the device
--   answer  leg            the compare-and-set: first one wins; text is its SDP
--   reject  leg word       declined or busy; text is the device
--   unreachable leg word   the gateway that had to ring it cannot, or was not reached
--   gone    word           text is a device whose channel is gone; word is how long it may come back (ms)
--   back    word           text is a device that has another channel; word is its address. A leg that rings is rung again there
--   hangup  leg word       leg 0 is the caller; word is the reason; text is the device, "" for a gateway;
--                          of a leg that rings still it is a rejection
--   detach                 the gateway's request waits no longer; the call goes on
--   control word           by REST: canceled or completed
--   redirect word          by REST: other instructions; word is get or post and text their URL, or word is document and text that
-- Answers {"ok", owner address, state, n} or {error name, owner address, state}; of `back` either has a fifth word:
-- rings, or why that leg rings no more.
--@include _call.lua
local key, event, leg, attempt, word, text, line = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local have = redis.call('HMGET', key, 'st', 'own', 'att', 'win', 's' .. leg, 't' .. leg, 'until', 'hup', 'ctl', 'cleg')
local state, owner, status = have[1], have[2], have[5]
if not state then
	return { 'NOT_FOUND', '', '' }
end
local win = have[4] or ''
local hung_up = have[8] and have[8] ~= ''
local wanted = have[9] and have[9] ~= ''
local now = now_ms()
local waits = status == 'n' or status == 'k' or status == 'r'     -- this leg rings

-- The device whose answer made it the caller's side is known by its leg.
local function is_caller(n)
	return n == '0' or n == have[10]
end

-- A device speaks for its own leg only.
if event ~= 'answer' and event ~= 'gone' and event ~= 'back' and event ~= 'detach' and event ~= 'control' and event ~= 'redirect'
	and device_of_leg(key, leg) ~= text then
	return { 'NO_SUCH_LEG', '', state }
end

local function refuse(name)
	return { name, owner, state }
end

local function move_leg(n, address)
	local p = split(redis.call('HGET', key, 'i' .. n), '|')
	redis.call('HSET', key, 'i' .. n, table.concat({ p[1], p[2], address, p[4] }, '|'))
end

local function done(...)
	redis.call('HSET', key, ...)
	redis.call('HINCRBY', key, 'rev', 1)
	trace(key, line)
	act_soon(key)
	return { 'ok', owner, state, leg }
end

if event == 'ringing' or event == 'receipt' then
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
	elseif hung_up or wanted then
		return refuse('CALL_ENDED')      -- the caller's hang-up came first
	end
	state = 'answered'
	return done('st', 'answered', 'win', leg, 's' .. leg, status == 'r' and 'a' or 'p', 'asdp', text, 'answered', num(now))

elseif event == 'reject' then
	if state ~= 'ringing' or not waits then
		return refuse('CALL_ENDED')
	end
	return done('s' .. leg, 'x', 'r' .. leg, word)

elseif event == 'unreachable' then
	if state ~= 'ringing' or status ~= 'n' then
		return refuse('CALL_ENDED')
	end
	return done('s' .. leg, 'l', 'r' .. leg, word)

elseif event == 'gone' or event == 'back' then
	for n = tonumber(redis.call('HGET', key, 'legs') or '0'), 0, -1 do
		status = redis.call('HGET', key, 's' .. num(n))
		if device_of_leg(key, num(n)) == text and (n == 0 or status ~= 'h') then
			leg = num(n)
			break
		end
	end
	local known = leg
	waits = leg ~= '0' and (status == 'n' or status == 'k' or status == 'r')
	if leg == '' then
		return refuse('CALL_ENDED')
	elseif waits and event == 'gone' and state ~= 'ended' then
		return done('s' .. leg, 'l', 'r' .. leg, 'lost')
	elseif waits and (state == 'ringing' or state == 'answered') then
		move_leg(leg, word)
		local answer = done('b' .. leg, '1')
		answer[5] = 'rings'
		return answer
	elseif state ~= 'ended' and is_caller(leg) then
		leg, known = '0', have[10] or '0'
	elseif state == 'ended' or leg ~= win then
		return { 'CALL_ENDED', owner, state, leg, win ~= '' and win ~= '0' and 'answered_elsewhere' or 'canceled' }
	end
	if event == 'gone' then
		if redis.call('HSETNX', key, 'lost' .. leg, num(now + tonumber(word))) == 0 then
			return { 'ok', '', state, known }
		end
		return done('gone', text)
	end
	redis.call('HDEL', key, 'lost' .. leg, 'holdt')      -- whether it is held it hears again
	if leg == '0' then
		redis.call('HSET', key, 'caddr', word)
	else
		move_leg(leg, word)
	end
	leg = known
	return done('gone', '')

elseif event == 'hangup' then
	if is_caller(leg) then
		leg = '0'
	elseif state == 'ringing' and waits then
		return done('s' .. leg, 'x', 'r' .. leg, 'declined')
	end
	local leaves = redis.call('HMGET', key, 'xto', 'xby')
	if state == 'bridged' and leaves[1] and leaves[1] ~= '' and (leaves[2] ~= '' and leaves[2] or '0') == leg then
		return { 'ok', '', state, leg }  -- it leaves without the other side
	end
	if state == 'ended' or (hung_up and (leg ~= '0' or have[8] == '0')) then
		return refuse('CALL_ENDED')
	elseif leg ~= '0' and (leg ~= win or (state ~= 'answered' and state ~= 'bridged')) then
		return refuse('CALL_ENDED')
	end
	return done('hup', leg, 'hupr', word)

elseif event == 'detach' then
	if state == 'ended' then
		return refuse('CALL_ENDED')
	end
	return done('caddr', '')

elseif event == 'control' then
	if state == 'ended' or wanted then
		return refuse('CALL_STATE')
	elseif word == 'canceled' and (state == 'answered' or redis.call('HEXISTS', key, 'up') == 1) then
		return refuse('CALL_STATE')
	end
	return done('ctl', word)

elseif event == 'redirect' then
	if state == 'ended' or state == 'new' or wanted or redis.call('HGET', key, 'first') == '1' then
		return refuse('CALL_STATE')      -- nobody is there yet whom it could lead elsewhere
	end
	local is_document = word == 'document'
	return done('rdu', is_document and '' or text, 'rdd', is_document and text or '', 'rdg', word == 'get' and '1' or '')
end
return refuse('INTERNAL')
