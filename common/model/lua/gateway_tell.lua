-- What a gateway is told of a leg that it was rung for: an entry of that leg's own outbox, subject "g:" and the leg.
-- KEYS[1] call  ARGV: leg, its number, action, what is told but once of its sort ("" for every time), try for so long (ms), account, JSON
-- An entry is "n|account|give up at (ms)|action|JSON"; n counts them, so its id is the same at each try.
-- Answers {owner address}, {""} when it was told before or the call's record is gone.
--@include _time.lua
local key, leg, number, action, once, ms, account, json = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local owner = redis.call('HGET', key, 'own')
if not owner or (once ~= '' and redis.call('HSETNX', key, 'g:' .. number .. ':' .. once, '1') == 0) then
	return { '' }
end
local n = redis.call('HINCRBY', key, 'g:' .. number, 1)
local now = now_ms()
local slot, subject = string.match(key, '{.-}'), 'g:' .. leg
redis.call('RPUSH', 'o:' .. slot .. ':' .. subject, table.concat({ n, account, num(now + tonumber(ms)), action, json }, '|'))
redis.call('ZADD', 'O:' .. slot, 'NX', num(now), subject)
return { owner }
