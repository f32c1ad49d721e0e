-- What is due in a partition: ends expired REST leases and ring claims, and names engaged
-- claims whose call has to be looked at (again after `check_ms`).
-- KEYS[1] D:{pN}  ARGV: partition, limit, check_ms, Redis' time when this was sent ("" spares the leases)
-- Leases are spared as well when this had to wait, for so had the heartbeats.
-- Answers {now_ms, expired leases, {member, claim, 1 while its device is registered}, ...}.
--@include _client.lua
local WAITED_MS = 1000
local deadlines, partition, limit, check_ms = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local spare = ARGV[4] == '' or now - tonumber(ARGV[4]) > WAITED_MS
local due = redis.call('ZRANGEBYSCORE', deadlines, '-inf', num(now), 'LIMIT', 0, limit)
local out = { num(now), 0 }
for _, entry in ipairs(due) do
	local member = string.sub(entry, 3)
	local p = split(member, '|')
	local key, dv = 'c:{' .. partition .. '}:' .. p[1] .. ':' .. p[2], p[3]
	local client = client_read(key)
	if string.sub(entry, 1, 1) == 'l' then
		local device = client.devices[dv]
		if device and device.held == 'l' and spare then
			redis.call('ZADD', deadlines, num(now + 1), entry)   -- behind those that must not wait
		elseif device and device.held == 'l' and device.lease_until <= now then
			device_remove(key, client, dv, partition, member)
			consolidate(key, client)
			out[2] = out[2] + 1
		elseif device and device.held == 'l' then
			redis.call('ZADD', deadlines, num(device.lease_until), entry)
		else
			redis.call('ZREM', deadlines, entry)
		end
	else
		local claim = client.claims[dv]
		if not claim then
			redis.call('ZREM', deadlines, entry)
			consolidate(key, client)
		elseif claim.state == 'r' and claim.ends <= now then
			claim_remove(key, client, dv, partition, member)
			consolidate(key, client)
		else
			redis.call('ZADD', deadlines, num(now + check_ms), entry)
			out[#out + 1] = { member, claim_pack(claim), client.devices[dv] and 1 or 0 }
		end
	end
end
return out
