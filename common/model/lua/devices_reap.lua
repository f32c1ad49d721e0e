-- Removes up to `limit` devices that a dead node held in one partition.  A device that has
-- registered elsewhere since is left alone.
-- KEYS[1] n:{pN}:ND  ARGV: limit
-- Answers {left, {member, claim}, ...} with the claims of the removed devices.
--@include _client.lua
local set, limit = KEYS[1], tonumber(ARGV[1])
local tag, node = string.match(set, '^n:({.-}):(.*)$')
local members = redis.call('SPOP', set, limit)
local out = { 0 }
for _, member in ipairs(members) do
	local key, dv = client_key_of(tag, member)
	local client = client_read(key)
	local device = client.devices[dv]
	if device and device.held == 'c' and node_of(device.address) == node then
		device_remove(client, dv)
		consolidate(client)
		local claim = client.claims[dv]
		out[#out + 1] = { member, claim and claim_pack(claim) or '' }
	end
end
out[1] = redis.call('SCARD', set)
return out
