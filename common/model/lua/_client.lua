-- A client's hash, c:{pN}:AC:identity:
--   m      consolidated line: version|status|ringable|media|devices|since_ms|last_seen_ms
--   d<DV>  device: reg|held|address|status|media|lease_until_ms|since_ms|ttl_ms
--          held is c (by a channel; lives by its node's lease) or l (by a REST lease)
--   x<DV>  the JSON that readers are shown; never read here
--   k<DV>  claim: call|state|fence|attempt|until_ms   state is r (ringing), e (engaged) or
--          s (settling: its call was refused as busy a moment ago, and a call that crosses
--          it has to find it busy too)
-- Media are bit masks: 1 voice, 2 video, 4 message.
--@include _time.lua

local FORGET_MS = 7 * 24 * 3600 * 1000   -- an offline client's last_seen is kept so long
local MAX_DEVICES = 50

local function device_of(packed)
	local p = split(packed, '|')
	return { reg = tonumber(p[1]), held = p[2], address = p[3], status = p[4], media = tonumber(p[5]),
	         lease_until = tonumber(p[6]), since = tonumber(p[7]), ttl = tonumber(p[8] or '0') }
end

local function device_pack(d)
	return table.concat({ num(d.reg), d.held, d.address, d.status, num(d.media), num(d.lease_until), num(d.since), num(d.ttl) }, '|')
end

local function claim_of(packed)
	local p = split(packed, '|')
	return { call = p[1], state = p[2], fence = tonumber(p[3]), attempt = tonumber(p[4]), ends = tonumber(p[5]) }
end

local function claim_pack(k)
	return table.concat({ k.call, k.state, num(k.fence), num(k.attempt), num(k.ends) }, '|')
end

local function node_of(address)
	return string.match(address, '^(.-)%.') or address
end

local function client_read(key)
	local flat = redis.call('HGETALL', key)
	local client = { devices = {}, claims = {}, count = 0 }
	for i = 1, #flat, 2 do
		local field, value = flat[i], flat[i + 1]
		local kind = string.sub(field, 1, 1)
		if kind == 'm' then
			client.m = value
		elseif kind == 'd' then
			client.devices[string.sub(field, 2)] = device_of(value)
			client.count = client.count + 1
		elseif kind == 'k' then
			local claim = claim_of(value)
			if claim.state == 's' and claim.ends <= now_ms() then
				redis.call('HDEL', key, field)
			else
				client.claims[string.sub(field, 2)] = claim
			end
		end
	end
	return client
end

-- Why a device cannot be rung for a medium; nil when it can.
local function unringable(device, claim, medium)
	if device.held ~= 'c' then
		return 'no_channel'
	elseif claim then
		return claim.state == 'e' and 'on_call' or 'engaged'
	elseif device.status ~= 'available' then
		return device.status
	elseif bit.band(device.media, medium) == 0 then
		return 'media'
	end
end

local RANK = { dnd = 5, on_call = 4, available = 3, busy = 2, away = 1, offline = 0 }

-- What blocks the whole client, whatever its single devices say; nil for nothing.
local function blocked(client)
	for dv, claim in pairs(client.claims) do
		if claim.state == 'e' and client.devices[dv] then
			return 'on_call'
		end
	end
	for _, device in pairs(client.devices) do
		if device.status == 'dnd' then
			return 'dnd'
		end
	end
end

-- An offline client's line is forgotten in time; a claim that it still has decides about a call.
local function remember(key, client)
	if client.count == 0 and next(client.claims) == nil then
		redis.call('PEXPIRE', key, FORGET_MS)
	else
		redis.call('PERSIST', key)
	end
end

-- The one function of consolidation: live devices and claims in, the line out.
-- detail: something changed that only the single devices show, so the version rises too.
local function consolidate(key, client, detail)
	local status, media, ringable = 'offline', 0, 0
	for dv, device in pairs(client.devices) do
		if RANK[device.status] > RANK[status] then
			status = device.status
		end
		media = bit.bor(media, device.media)
		if not unringable(device, client.claims[dv], 7) then
			ringable = bit.bor(ringable, device.media)
		end
	end
	local block = blocked(client)
	if block then
		ringable = 0
		if RANK[block] > RANK[status] then
			status = block
		end
	end

	local now = now_us()
	local old = client.m and split(client.m, '|') or { '0', '', '', '', '', '0', '0' }
	local seen = num(math.floor(now / 1000))
	local since = old[2] == status and old[6] or seen
	if not detail and old[2] == status and old[3] == num(ringable) and old[4] == num(media) and old[5] == num(client.count) then
		remember(key, client)
		return tonumber(old[1])
	end
	local version = math.max(tonumber(old[1]) + 1, now)
	redis.call('HSET', key, 'm', table.concat({ num(version), status, num(ringable), num(media), num(client.count), since, seen }, '|'))
	remember(key, client)
	return version
end

-- Takes a device away.  Its claim stays: the call it belongs to decides.
local function device_remove(key, client, dv, partition, member)
	local device = client.devices[dv]
	redis.call('HDEL', key, 'd' .. dv, 'x' .. dv)
	client.devices[dv] = nil
	client.count = client.count - 1
	if device.held == 'c' then
		redis.call('SREM', 'n:{' .. partition .. '}:' .. node_of(device.address), member)
	else
		redis.call('ZREM', 'D:{' .. partition .. '}', 'l|' .. member)
	end
end

local function claim_remove(key, client, dv, partition, member)
	redis.call('HDEL', key, 'k' .. dv)
	redis.call('ZREM', 'D:{' .. partition .. '}', 'k|' .. member)
	client.claims[dv] = nil
end
