-- Ends a registration, unless a newer one of the same device has come first.
-- KEYS[1] client  ARGV: partition, "AC|identity|DV", DV, reg ("" for whichever)
-- Answers {1, version, claim or ""} or {0}.
--@include _client.lua
local key, partition, member, dv, reg = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local client = client_read(key)
local device = client.devices[dv]
if not device or (reg ~= '' and device.reg ~= tonumber(reg)) then
	return { 0 }
end
device_remove(key, client, dv, partition, member)
local claim = client.claims[dv]
return { 1, num(consolidate(key, client)), claim and claim_pack(claim) or '' }
