-- The next number of a rotation.
-- KEYS[1] counter  ARGV: how long it is kept after this (s)
-- Answers the number, from 1 on.
local n = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return n
