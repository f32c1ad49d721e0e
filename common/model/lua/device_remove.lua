-- Ends a registration, unless a newer one of the same device has come first.
-- KEYS[1] client  ARGV: DV, reg ("" for one of this address), address,
--         how: "now", or "close" when only its channel has closed: the account's grace comes first
-- Answers {1, version, claim or ""} or {0}.
--@include _client.lua
local dv, reg, address, how = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local client = client_read(KEYS[1])
local device = client.devices[dv]
if not device then
	return { 0 }
elseif reg == '' and device.address ~= address or reg ~= '' and device.reg ~= tonumber(reg) then
	return { 0 }
end
local grace_ms = how == 'close' and device.held == 'c' and rules_of(client).grace_ms or 0
if how == 'close' and device.held == 'g' then
	return { 0 }                     -- said before
elseif grace_ms > 0 then
	device_unlist(client, dv, device)
	device.held, device.lease_until = 'g', now_ms() + grace_ms
	device_list(client, dv, device)
	device_keep(client, dv, device)
else
	device_remove(client, dv)
end
local claim = client.claims[dv]
return { 1, num(consolidate(client)), claim and claim_pack(claim) or '' }
