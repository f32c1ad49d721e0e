-- The devices of one client that a message goes to now.  Nothing is changed: a message takes no device.
-- KEYS[1] client  ARGV: medium, dead nodes (comma-separated), index terms that a device has to have, all of them ...
-- A client that wants no disturbance (dnd, its own or of a device) gets none; calls and whatever else it shows do not matter.
-- Answers {now_ms, {DV, address}, ...} or {-1, reason}.
--@include _client.lua
local medium, dead = tonumber(ARGV[1]), ',' .. ARGV[2] .. ','
local client = client_read(KEYS[1])
local out, reason, rank = { num(now_ms()) }, 'offline', 0
local WORTH = { offline = 0, no_channel = 1, suspect = 2, media = 3, requirement = 4 }

local function lacks(dv)
	local has = #ARGV > 2 and set_of(terms_of(client, dv))
	for i = 3, #ARGV do
		if not has[ARGV[i]] then
			return 'requirement'
		end
	end
end

local function unreachable(dv, device)
	if string.find(dead, ',' .. node_of(device.address) .. ',', 1, true) then
		return 'offline'
	elseif device.held ~= 'c' then
		return 'no_channel'
	elseif device.suspect then
		return 'suspect'
	elseif bit.band(device.media, medium) == 0 then
		return 'media'
	end
	return lacks(dv)
end

if client.override and client.override.status == 'dnd' then
	return { -1, 'dnd' }
end
local names = {}
for dv, device in pairs(client.devices) do
	if device.status == 'dnd' then
		return { -1, 'dnd' }
	end
	names[#names + 1] = dv
end
table.sort(names)
for _, dv in ipairs(names) do
	local device = client.devices[dv]
	local why = unreachable(dv, device)
	if not why then
		out[#out + 1] = { dv, device.address }
	elseif WORTH[why] > rank then
		reason, rank = why, WORTH[why]
	end
end
if #out == 1 then
	return { -1, reason }
end
return out
