-- Engages, releases or winds down claims of one client, only where call and attempt still match: so it
-- may be repeated at will.
-- KEYS[1] client  ARGV: call, attempt ("" for any), fence ("" for any, else a claim of
--         a later one stays), check_ms, then pairs: e|r|s, DV
-- Answers how many claims changed.
--@include _client.lua
local call, attempt, fence, check_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local SETTLING_MS = 1000
local client = client_read(KEYS[1])
local changed = 0
for i = 5, #ARGV, 2 do
	local op, dv = ARGV[i], ARGV[i + 1]
	local claim = client.claims[dv]
	if claim and claim.call == call and (not attempt or claim.attempt == attempt)
		and (not fence or claim.fence <= fence) then
		if op == 'r' then
			claim_remove(client, dv)
			changed = changed + 1
		elseif claim.state ~= op and claim.state ~= 's' then
			claim.state, claim.ends = op, now_ms() + (op == 'e' and check_ms or SETTLING_MS)
			claim_put(client, dv, claim)
			changed = changed + 1
		end
	end
end
if changed > 0 then
	consolidate(client)
end
return changed
