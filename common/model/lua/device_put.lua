-- Registers, updates or keeps a device alive, and consolidates its client, in one step.
-- KEYS[1] client  ARGV: partition, "AC|identity|DV", DV, reg ("new" registers), address ("" for a REST lease),
--         status, media, JSON (these three "" to keep),
--         of a REST lease: ttl_ms ("" for the one that it has), most_ms ("" leaves the lease as it is)
-- Answers {reg, version, lease_until_ms, now_ms, claim or ""} or {-1, error name}.
--@include _client.lua
local key, partition, member, dv, reg = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local address, status, media, json, ttl_ms, most_ms = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local now = now_ms()
local client = client_read(key)
local old = client.devices[dv]
local device

if reg == 'new' then
	if not old and client.count >= MAX_DEVICES then
		return { -1, 'TOO_MANY_REQUESTS' }
	end
	if old then
		device_remove(key, client, dv, partition, member)
	end
	-- In microseconds: also one that is removed and made again at once has a number of its own.
	device = { reg = math.max(old and old.reg + 1 or 0, now_us()), held = address == '' and 'l' or 'c', address = address == '' and '-' or address,
	           status = status, media = tonumber(media), lease_until = 0, since = now, ttl = 0 }
	client.count = client.count + 1
else
	if not old or old.reg ~= tonumber(reg) then
		return { -1, 'NO_SUCH_DEVICE' }
	end
	device = { reg = old.reg, held = old.held, address = old.address, status = status ~= '' and status or old.status,
	           media = media ~= '' and tonumber(media) or old.media, lease_until = old.lease_until,
	           since = (status ~= '' and status ~= old.status) and now or old.since, ttl = old.ttl }
end

if device.held == 'l' and most_ms ~= '' then
	device.ttl = ttl_ms ~= '' and tonumber(ttl_ms) or device.ttl
	device.lease_until = now + math.min(device.ttl, tonumber(most_ms))
	redis.call('ZADD', 'D:{' .. partition .. '}', num(device.lease_until), 'l|' .. member)
elseif device.held == 'c' and reg == 'new' then
	redis.call('SADD', 'n:{' .. partition .. '}:' .. node_of(address), member)
end
client.devices[dv] = device
local detail = reg == 'new' or old.status ~= device.status or old.media ~= device.media
	or (json ~= '' and redis.call('HGET', key, 'x' .. dv) ~= json)
redis.call('HSET', key, 'd' .. dv, device_pack(device))
if json ~= '' then
	redis.call('HSET', key, 'x' .. dv, json)
end
local claim = client.claims[dv]
return { num(device.reg), num(consolidate(key, client, detail)), num(device.lease_until), num(now), claim and claim_pack(claim) or '' }
