-- Renews a node's lease and tells it what has changed.
-- KEYS[1] nodes:{n}  ARGV: node, lease_ms, known revision, run id, state ("alive" or "draining")
-- Answers {status, revision, ms until the next lease may be buried (-1: none), {ND, packed}, ...};
-- status is "ok" or "buried"; the table is there only when the revision differs.
--@include _nodes.lua
local id, lease_ms, known, run, state = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local now = now_ms()
note_presence(now, lease_ms, run)
local node = node_read(id)
if not node or node.state == 'dead' then
	return { 'buried', '0', -1 }
end
redis.call('ZADD', LEASES, num(now + lease_ms), id)
if node.state ~= state then
	node.state = state
	node_write(id, node)
end

local rev = redis.call('HGET', NODES, 'rev')
local next_lease = redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')
local bury_in = -1
if next_lease[1] and next_lease[1] ~= id then
	local amnesty = tonumber(redis.call('HGET', NODES, 'amnesty') or '0')
	bury_in = math.max(0, math.max(tonumber(next_lease[2]), amnesty) - now)
end
local out = { 'ok', rev, bury_in }
if rev ~= known then
	local flat = redis.call('HGETALL', NODES)
	for i = 1, #flat, 2 do
		if string.sub(flat[i], 1, 2) == 'ND' then
			out[#out + 1] = { flat[i], flat[i + 1] }
		end
	end
end
return out
