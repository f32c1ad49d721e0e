-- Buries nodes whose lease has run out and takes the reaping of dead ones that nobody works on.
-- KEYS[1] nodes:{n}  ARGV: own node, visibility_ms, lease_ms, run id
-- Answers the ids this node is now to reap.
--@include _nodes.lua
local own, visibility_ms = ARGV[1], tonumber(ARGV[2])
local now = now_ms()
note_presence(now, tonumber(ARGV[3]), ARGV[4])   -- this may have been waiting while Redis stood still
local amnesty = tonumber(redis.call('HGET', NODES, 'amnesty') or '0')
local out = {}
if now >= amnesty then
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', num(now), 'LIMIT', 0, 16)) do
		if id ~= own then                -- which may be renewed yet; if not, others have to find it
			local node = node_read(id)
			redis.call('ZREM', LEASES, id)
			if node then
				node.state = 'dead'
				node_write(id, node)
			end
		end
	end
end
local flat = redis.call('HGETALL', NODES)
for i = 1, #flat, 2 do
	if string.sub(flat[i], 1, 2) == 'ND' then
		local node = node_read(flat[i])
		if node.state == 'dead' and node.reap_until <= now and #out < 4 then
			node.reaper, node.reap_until = own, now + visibility_ms
			redis.call('HSET', NODES, flat[i], table.concat({ node.kind, node.host, node.loops, node.state, node.reaper, num(node.reap_until) }, '|'))
			out[#out + 1] = flat[i]
		end
	end
end
return out
