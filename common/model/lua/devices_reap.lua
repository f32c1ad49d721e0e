-- Removes up to `limit` devices that a dead node held in one partition.  A device that has
-- registered elsewhere since is left alone.
-- KEYS[1] n:{pN}:ND  ARGV: partition, node, limit
-- Answers {left, {member, claim}, ...} with the claims of the removed devices.
--@include _client.lua
local set, partition, node, limit = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local members = redis.call('SPOP', set, limit)
local out = { 0 }
for _, member in ipairs(members) do
	local p = split(member, '|')
	local key = 'c:{' .. partition .. '}:' .. p[1] .. ':' .. p[2]
	local client = client_read(key)
	local device = client.devices[p[3]]
	if device and device.held == 'c' and node_of(device.address) == node then
		device_remove(key, client, p[3], partition, member)
		consolidate(key, client)
		local claim = client.claims[p[3]]
		out[#out + 1] = { member, claim and claim_pack(claim) or '' }
	end
end
out[1] = redis.call('SCARD', set)
return out
