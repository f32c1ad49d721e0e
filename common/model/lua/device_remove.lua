-- Ends a registration, unless a newer one of the same device has come first.
-- KEYS[1] client  ARGV: partition, "AC|identity|DV", DV, reg ("" for one of this address), address
-- Answers {1, version, claim or ""} or {0}.
--@include _client.lua
local key, partition, member, dv, reg, address = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local client = client_read(key)
local device = client.devices[dv]
if not device then
	return { 0 }
elseif reg == '' and device.address ~= address or reg ~= '' and device.reg ~= tonumber(reg) then
	return { 0 }
end
device_remove(key, client, dv, partition, member)
local claim = client.claims[dv]
return { 1, num(consolidate(key, client)), claim and claim_pack(claim) or '' }
