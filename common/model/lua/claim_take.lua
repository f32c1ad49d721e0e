-- Claims devices of one client for a call: every ringable one, or one named device.
-- KEYS[1] client  ARGV: call, fence, attempt, medium, state, hold_ms,
--         named device ("" for all ringable), most, dead nodes (comma-separated), call that it leaves for this one ("" for none),
--         index terms that a device has to have, all of them ...
-- state r (to ring) asks for ringable devices; e (the caller's own device) only for an unclaimed one.
-- Answers {now_ms, {DV, address}, ...} or {-1, reason}.
--@include _client.lua
local call, fence, attempt, medium, state = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local hold_ms, named, most, dead = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), ',' .. ARGV[9] .. ','
local leaves = ARGV[10] or ''
local now = now_ms()
local client = client_read(KEYS[1])

-- An adopter claims again what its predecessor claimed for the same call: not a rival.
local function rival(claim)
	if claim and claim.state == 's' and state == 'e' then
		return nil               -- its owner may call again at once
	end
	if claim and claim.call == call and claim.state == 'r' and claim.fence <= fence then
		return nil
	end
	return claim
end

-- Whoever is transferred goes from one call into the other: never free, and never rung by anybody between.
local function comes_along(dv)
	local claim = client.claims[dv]
	return leaves ~= '' and claim and claim.state == 'e'
		and (claim.call == leaves or (claim.call == call and claim.fence <= fence))
end

local function lacks(dv)
	local has = #ARGV > 10 and set_of(terms_of(client, dv))
	for i = 11, #ARGV do
		if not has[ARGV[i]] then
			return 'requirement'
		end
	end
end

local picked, reason, rank = {}, 'offline', 0
local WORTH = { offline = 0, no_channel = 1, suspect = 2, media = 3, requirement = 4, away = 5, busy = 6, engaged = 7, on_call = 8, dnd = 9 }
local block = state == 'r' and blocked(client)
local names = {}
for dv in pairs(client.devices) do
	names[#names + 1] = dv
end
table.sort(names)
for _, dv in ipairs(names) do
	local device = client.devices[dv]
	local why
	if named ~= '' and named ~= dv then
		why = 'offline'
	elseif string.find(dead, ',' .. node_of(device.address) .. ',', 1, true) then
		why = 'offline'
	elseif comes_along(dv) then
		why = nil
	elseif state == 'e' then
		why = rival(client.claims[dv]) and 'engaged'
	else
		why = block or unringable(client, device, rival(client.claims[dv]), medium) or lacks(dv)
	end
	if not why and #picked < most then
		picked[#picked + 1] = dv
	elseif why and WORTH[why] > rank then
		reason, rank = why, WORTH[why]
	end
end
if #picked == 0 then
	return { -1, reason }
end

local out = { num(now) }
for _, dv in ipairs(picked) do
	local device = client.devices[dv]
	claim_put(client, dv, { call = call, state = comes_along(dv) and 'e' or state, fence = fence, attempt = attempt, ends = now + hold_ms })
	out[#out + 1] = { dv, device.address }
end
consolidate(client)
return out
