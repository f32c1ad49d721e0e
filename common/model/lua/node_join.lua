-- A new node: its id rises strictly and is never given twice.
-- KEYS[1] nodes:{n}  ARGV: kind, host, loops, lease_ms, random hex (24), run id
-- Answers the id.
--@include _nodes.lua
local now = now_ms()
note_presence(now, tonumber(ARGV[4]), ARGV[6])
local id = string.format('ND%08x', redis.call('HINCRBY', NODES, 'seq', 1)) .. ARGV[5]
node_write(id, { kind = ARGV[1], host = string.gsub(ARGV[2], '|', '/'), loops = ARGV[3], state = 'alive', reaper = '', reap_until = 0 })
redis.call('ZADD', LEASES, num(now + tonumber(ARGV[4])), id)
return id
