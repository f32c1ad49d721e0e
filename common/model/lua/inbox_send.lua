-- Adds a message to a worker's inbox.  The stream of a worker that is gone dies of itself.
-- KEYS[1] in:ND.k  ARGV: JSON, most entries, forget_ms
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'm', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
