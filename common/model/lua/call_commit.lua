-- One step of a call by its owner: all of it, or nothing when somebody else changed the call first.
-- KEYS[1] call  ARGV: fence, revision, look again in ms ("" leaves it, "-1": never), retention ms ("" while it lives),
--         number of fields, field, value ..., number of trace lines, line ...,
--         then status callbacks: leg, JSON ...
-- A field named "@until" is until = that many ms from now.
-- Answers {"ok", revision, now_ms} or {"stale"}.
--@include _call.lua
local key = KEYS[1]
local have = redis.call('HMGET', key, 'fence', 'rev', 'ac', 'created')
if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then
	return { 'stale' }
end
local now = now_ms()
local at = 5
local count = tonumber(ARGV[at])
local fields = {}
for i = at + 1, at + 2 * count, 2 do
	local field, value = ARGV[i], ARGV[i + 1]
	if string.sub(field, 1, 1) == '@' then
		field, value = string.sub(field, 2), num(now + tonumber(value))
	end
	fields[#fields + 1] = field
	fields[#fields + 1] = value
end
if #fields > 0 then
	redis.call('HSET', key, unpack(fields))
end
at = at + 2 * count + 1
local lines = tonumber(ARGV[at])
for i = at + 1, at + lines do
	trace(key, ARGV[i])
end
at = at + lines + 1

local shard = string.match(key, '{(.-)}')
local due = 'O:{' .. shard .. '}'
for i = at, #ARGV - 1, 2 do
	redis.call('RPUSH', 'o:{' .. shard .. '}:' .. ARGV[i], ARGV[i + 1])
	redis.call('ZADD', due, 'NX', num(now), ARGV[i])
end

local rev = redis.call('HINCRBY', key, 'rev', 1)
local deadlines, call = deadlines_of(key), call_of(key)
if ARGV[3] == '-1' then
	redis.call('ZREM', deadlines, call)
elseif ARGV[3] ~= '' then
	redis.call('ZADD', deadlines, num(now + tonumber(ARGV[3])), call)
end
if ARGV[4] ~= '' then
	redis.call('PEXPIRE', key, ARGV[4])
	redis.call('PEXPIRE', 't:{' .. shard .. '}:' .. call, ARGV[4])
	local list = list_put(key, have[3], have[4], tonumber(ARGV[4]))
	redis.call('ZREMRANGEBYSCORE', list, '-inf', num(now - LIVES_MS - tonumber(ARGV[4])))
end
return { 'ok', rev, num(now) }
