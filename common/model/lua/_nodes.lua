-- The node table, nodes:{n}:
--   <ND>  kind|host|loops|state|reaper|reap_until_ms    state: alive, draining, dead
--   rev   grows with every change of the table      seq  last node number given
--   seen  when anyone last renewed (ms)             run  run id of the Redis server
--   amnesty  nobody is buried before this time (ms)
-- leases:{n} is the ordered set of lease ends.
--@include _time.lua
local NODES, LEASES = 'nodes:{n}', 'leases:{n}'

local function node_read(id)
	local packed = redis.call('HGET', NODES, id)
	if not packed then
		return nil
	end
	local p = split(packed, '|')
	return { kind = p[1], host = p[2], loops = p[3], state = p[4], reaper = p[5], reap_until = tonumber(p[6]) }
end

local function node_write(id, node)
	redis.call('HSET', NODES, id, table.concat({ node.kind, node.host, node.loops, node.state, node.reaper, num(node.reap_until) }, '|'))
	redis.call('HINCRBY', NODES, 'rev', 1)
end

-- Redis itself was away (or is another one): the leases say nothing until everybody had time to renew.
local function note_presence(now, lease_ms, run)
	local seen = tonumber(redis.call('HGET', NODES, 'seen') or '0')
	if now - seen > lease_ms / 2 or redis.call('HGET', NODES, 'run') ~= run then
		redis.call('HSET', NODES, 'amnesty', num(now + lease_ms + 1000), 'run', run)
	end
	redis.call('HSET', NODES, 'seen', num(now))
end
