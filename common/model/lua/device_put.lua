-- Registers, updates, keeps alive or asserts a device, and consolidates its client, in one step.
-- KEYS[1] client  ARGV: DV, what ("new" registers, "assert" says again what a channel holds, else the
--         registration to be updated), registration to assert, address ("" for a REST lease),
--         status, media, JSON (these three "" to keep),
--         of a REST lease: ttl_ms ("" for the one that it has), most_ms ("" leaves the lease as it is),
--         the account's rules ("": not told), index terms that come with the JSON ...
-- Answers {reg, version, lease_until_ms, now_ms, claim or ""} or {-1, error name}.
-- An assertion does nothing when the record is as it says, and fails when a newer registration is there.
-- Whatever else says something of a device, or nothing but that it was heard, ends that it is suspect.
-- What it makes has the number that it had: so of two channels of a device that are both said again to a
-- store that has lost them, the one that came later wins.
--@include _client.lua
local key, dv, what, asserted, address = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local status, media, json, ttl_ms, most_ms = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local now = now_ms()
local client = client_read(key)
local old = client.devices[dv]
rules_keep(rules_key(client), ARGV[10])

local terms = {}
for i = 11, #ARGV do
	terms[#terms + 1] = ARGV[i]
end

local function has_too_many_terms()
	local before = #terms > 0 and #terms_of(client, dv) or 0
	return #terms > before and client.n_terms - before + #terms > MAX_TERMS
end

local function answer(device, version)
	local claim = client.claims[dv]
	return { num(device.reg), num(version), num(device.lease_until), num(now), claim and claim_pack(claim) or '' }
end

if what == 'assert' and old then
	if old.reg == tonumber(asserted) and old.held == 'c' and old.address == address then
		return answer(old, client.line.version)
	elseif old.reg > tonumber(asserted) then
		return { -1, 'NO_SUCH_DEVICE' }
	end
elseif what ~= 'assert' and has_too_many_terms() then     -- what is asserted was taken once
	return { -1, 'TOO_MANY_ATTRIBUTES' }
end

local device
local fresh = what == 'new' or what == 'assert'
if fresh then
	if not old and client.count >= MAX_DEVICES then
		return { -1, 'TOO_MANY_REQUESTS' }
	end
	-- In microseconds: also one that is removed and made again at once has a number of its own.
	local reg = what == 'assert' and tonumber(asserted) or math.max(old and old.reg + 1 or 0, now_us())
	device = { reg = reg, held = address == '' and 'l' or 'c', address = address == '' and '-' or address,
	           status = status, media = tonumber(media), lease_until = 0, since = old and old.status == status and old.since or now, ttl = 0, missed = 0 }
	if old then
		device_unlist(client, dv, old)
	else
		client.count = client.count + 1
	end
else
	if not old or old.reg ~= tonumber(what) then
		return { -1, 'NO_SUCH_DEVICE' }
	end
	device = { reg = old.reg, held = old.held, address = old.address, status = status ~= '' and status or old.status,
	           media = media ~= '' and tonumber(media) or old.media, lease_until = old.lease_until,
	           since = (status ~= '' and status ~= old.status) and now or old.since, ttl = old.ttl,
	           missed = status ~= '' and 0 or old.missed }
end

local leases = device.held == 'l' and most_ms ~= ''
if leases then
	device.ttl = ttl_ms ~= '' and tonumber(ttl_ms) or device.ttl
	device.lease_until = now + math.min(device.ttl, tonumber(most_ms))
end
if leases or fresh then
	device_list(client, dv, device)
end
client.devices[dv] = device
device_keep(client, dv, device)

local told = json ~= '' and redis.call('HGET', terms_key(client), dv) ~= json
if told then
	redis.call('HSET', terms_key(client), dv, json)
end
if json ~= '' then
	terms_set(client, dv, terms)
end
local detail = not old or old.status ~= device.status or old.media ~= device.media or told
return answer(device, consolidate(client, detail))
