-- Engages, releases or winds down claims of one client, only where call and attempt still match: so it
-- may be repeated at will.
-- KEYS[1] client  ARGV: partition, "AC|identity", call, attempt ("" for any), fence ("" for any, else a claim of
--         a later one stays), check_ms, then pairs: e|r|s, DV
-- Answers how many claims changed.
--@include _client.lua
local key, partition, prefix, call = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local attempt, fence, check_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local SETTLING_MS = 1000
local client = client_read(key)
local changed = 0
for i = 7, #ARGV, 2 do
	local op, dv = ARGV[i], ARGV[i + 1]
	local claim = client.claims[dv]
	if claim and claim.call == call and (not attempt or claim.attempt == attempt)
		and (not fence or claim.fence <= fence) then
		if op == 'r' then
			claim_remove(key, client, dv, partition, prefix .. '|' .. dv)
			changed = changed + 1
		elseif claim.state ~= op and claim.state ~= 's' then
			claim.state, claim.ends = op, now_ms() + (op == 'e' and check_ms or SETTLING_MS)
			redis.call('HSET', key, 'k' .. dv, claim_pack(claim))
			redis.call('ZADD', 'D:{' .. partition .. '}', num(claim.ends), 'k|' .. prefix .. '|' .. dv)
			changed = changed + 1
		end
	end
end
if changed > 0 then
	consolidate(key, client)
end
return changed
