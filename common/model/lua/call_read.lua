-- A call's whole record and the store's time, which its deadlines are compared with.
-- KEYS[1] call
-- Answers {now_ms, {field, value ...}}.
--@include _time.lua
return { num(now_ms()), redis.call('HGETALL', KEYS[1]) }
