-- A node that stopped in order, or a dead one whose devices are all reaped, leaves the table.
-- KEYS[1] nodes:{n}  ARGV: node
--@include _nodes.lua
redis.call('ZREM', LEASES, ARGV[1])
if redis.call('HDEL', NODES, ARGV[1]) == 1 then
	redis.call('HINCRBY', NODES, 'rev', 1)
end
return 1
