-- What is due in a partition: ends REST leases, graces, overrides and ring claims that are over, forgets clients
-- whom nobody has seen for long, names engaged claims whose call has to be looked at (again after `check_ms`),
-- and clients whose presence webhooks are due.
-- KEYS[1] D:{pN}  ARGV: limit, check_ms, Redis' time when this was sent ("" spares leases and graces)
-- Leases and graces are spared as well when this had to wait, for so had the heartbeats and the clients that come back.
-- Answers {now_ms, registrations ended, {member, claim, 1 while its device is registered}, ..., {"due", subject, ...}}.
--@include _client.lua
local WAITED_MS = 1000
local deadlines, limit, check_ms = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local tag = string.match(deadlines, '^D:({.-})$')
local now = now_ms()
local spare = ARGV[3] == '' or now - tonumber(ARGV[3]) > WAITED_MS
local out = { num(now), 0 }

local function later(entry, at)
	redis.call('ZADD', deadlines, num(at), entry)
end

-- A device that lives until a time of its own.
local function device_due(client, dv, entry, held)
	local device = client.devices[dv]
	if not device or device.held ~= held then
		redis.call('ZREM', deadlines, entry)
	elseif spare then
		later(entry, now + 1)    -- behind those that must not wait
	elseif device.lease_until > now then
		later(entry, device.lease_until)
	else
		device_remove(client, dv)
		consolidate(client)
		out[2] = out[2] + 1
	end
end

local function claim_due(client, dv, entry, member)
	local claim = client.claims[dv]
	if not claim then                -- it has wound down since
		redis.call('ZREM', deadlines, entry)
		client.was_idle = false
		consolidate(client)
	elseif claim.state == 'r' and claim.ends <= now then
		claim_remove(client, dv)
		consolidate(client)
	else
		later(entry, now + check_ms)
		out[#out + 1] = { member, claim_pack(claim), client.devices[dv] and 1 or 0 }
	end
end

local function override_due(client, entry)
	local override = client.override
	if not override or override.ends == 0 then
		redis.call('ZREM', deadlines, entry)
	elseif override.ends > now then
		later(entry, override.ends)
	else
		override_remove(client)
		consolidate(client)
	end
end

for _, entry in ipairs(redis.call('ZRANGEBYSCORE', deadlines, '-inf', num(now), 'LIMIT', 0, limit)) do
	local kind, member = string.sub(entry, 1, 1), string.sub(entry, 3)
	local key, dv = client_key_of(tag, member)
	local client = client_read(key)
	if kind == 'k' then
		claim_due(client, dv, entry, member)
	elseif kind == 'o' then
		override_due(client, entry)
	elseif kind == 'f' and client.was_idle then
		client_forget(client)
	elseif kind == 'f' then
		redis.call('ZREM', deadlines, entry)
	else
		device_due(client, dv, entry, kind)
	end
end

local due = redis.call('ZRANGEBYSCORE', 'O:' .. tag, '-inf', num(now), 'LIMIT', 0, limit)
if #due > 0 then
	table.insert(due, 1, 'due')
	out[#out + 1] = due
end
return out
