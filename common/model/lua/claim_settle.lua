-- Engages, releases or winds down claims of one client, only where call and attempt still match: so it
-- may be repeated at will.
-- KEYS[1] client  ARGV: call, attempt ("" for any), fence ("" for any, else a claim of
--         a later one stays), check_ms, then triples: how, DV, address
--   e engages   r releases   s winds down
--   m releases: its ring timed out. After so many in a row the account lets the device show away.
--   d releases: its user was there, and refused
--   u releases: it did not acknowledge its ring. While it is held at that address, it is suspect.
-- Answers how many claims changed.
--@include _client.lua
local call, attempt, fence, check_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local SETTLING_MS = 1000
local client = client_read(KEYS[1])
local changed = 0

-- Somebody is there, at whichever of its devices.
local function missed_none()
	for dv, device in pairs(client.devices) do
		if device.missed > 0 then
			device.missed = 0
			device_keep(client, dv, device)
		end
	end
end

local function missed_one(dv, device)
	local after = rules_of(client).away_after
	device.missed = device.missed + 1
	if after > 0 and device.missed >= after and device.status == 'available' then
		device.status, device.since = 'away', now_ms()
	end
	device_keep(client, dv, device)
end

local function learn(how, dv, address)
	local device = client.devices[dv]
	if how == 'e' or how == 'd' then
		missed_none()
	elseif how == 'm' and device then
		missed_one(dv, device)
	elseif how == 'u' and device and device.address == address then
		device.suspect = true
		device_keep(client, dv, device)
	end
end

for i = 5, #ARGV, 3 do
	local how, dv, address = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local claim = client.claims[dv]
	local holds = claim and claim.call == call and (not attempt or claim.attempt == attempt)
		and (not fence or claim.fence <= fence)
	if holds and how ~= 'e' and how ~= 's' then
		claim_remove(client, dv)
		learn(how, dv, address)
		changed = changed + 1
	elseif holds and claim.state ~= how and claim.state ~= 's' then
		claim.state, claim.ends = how, now_ms() + (how == 'e' and check_ms or SETTLING_MS)
		claim_put(client, dv, claim)
		learn(how, dv, address)
		changed = changed + 1
	end
end
if changed > 0 then
	consolidate(client)
end
return changed
