-- A new node: its id rises strictly and is never given twice, not even by a store that has lost the last
-- one it gave: so it is at least the time (ms).  Whoever is not in somebody's copy of the table yet is known as new by that.
-- KEYS[1] nodes:{n}  ARGV: kind, host, loops, lease_ms, random hex (24), run id
-- Answers the id.
--@include _nodes.lua
local now = now_ms()
note_presence(now, tonumber(ARGV[4]), ARGV[6])
local seq = math.max(tonumber(redis.call('HGET', NODES, 'seq') or '0') + 1, now)
redis.call('HSET', NODES, 'seq', num(seq))
local id = string.format('ND%012x', seq) .. string.sub(ARGV[5], 1, 20)
node_write(id, { kind = ARGV[1], host = string.gsub(ARGV[2], '|', '/'), loops = ARGV[3], state = 'alive', reaper = '', reap_until = 0 })
redis.call('ZADD', LEASES, num(now + tonumber(ARGV[4])), id)
return id
