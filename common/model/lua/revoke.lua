-- Notes that something was revoked, and tells every cache and every channel.
-- KEYS[1] rv:{AC}  ARGV: "t|token id", "i|identity" or "k|SK..", account, how long it is kept (ms), most that are kept
-- Answers its time (us), or FULL.
-- Scores are times in microseconds that only grow, so what is new can be read by them.
--@include _time.lua
local set, subject, account, kept_ms, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_us()
redis.call('ZREMRANGEBYSCORE', set, '-inf', num(now - kept_ms * 1000))
if not redis.call('ZSCORE', set, subject) and redis.call('ZCARD', set) >= most then
	return 'FULL'
end
local newest = redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2]
local at = num(math.max(now, newest and tonumber(newest) + 1 or 0))
redis.call('ZADD', set, at, subject)
redis.call('PEXPIRE', set, num(kept_ms))
redis.call('PUBLISH', 'inv', account)
return at
