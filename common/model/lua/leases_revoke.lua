-- Ends what clients hold by REST leases that were made with a revoked token: of the clients listed under an index
-- term, or of one client.
-- KEYS[1] i:{pN}:AC:a:<term>, or c:{pN}:AC:identity of the one  ARGV: account, term ("": the one client), name to go
--         on behind ("": from the first), registrations until then are meant (us), most clients at a time
-- Answers {devices ended, name to go on behind, or "" at the end}.
-- May be repeated: who has registered since is left alone.
--@include _client.lua
local account, term, after, until_us, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local DEVICES_AT_ONCE = 100              -- then others have their turn
local ended = 0

local function is_meant(client, dv)
	local device = client.devices[dv]
	if device.held == 'c' or device.reg > until_us then
		return false
	end
	return term == '' or set_of(terms_of(client, dv))[term]
end

local function visit(key)
	local client, before = client_read(key), ended
	for dv in pairs(client.devices) do
		if is_meant(client, dv) then
			device_remove(client, dv)
			ended = ended + 1
		end
	end
	if ended > before then
		consolidate(client)
	end
end

if term == '' then
	visit(KEYS[1])
	return { ended, '' }
end
local tag = string.match(KEYS[1], '^i:({.-}):')
local names = redis.call('ZRANGEBYLEX', KEYS[1], after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, most)
for _, name in ipairs(names) do
	visit('c:' .. tag .. ':' .. account .. ':' .. name)
	if ended >= DEVICES_AT_ONCE then
		return { ended, name }
	end
end
return { ended, #names == most and names[most] or '' }
