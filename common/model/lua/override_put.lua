-- What a user chooses to show, or that he chooses nothing any more.
-- KEYS[1] client  ARGV: "set" or "clear", status ("": only the note), for_ms (0: until it is cleared), note, the account's rules
-- Answers the client's line.
--@include _client.lua
local client = client_read(KEYS[1])
rules_keep(rules_key(client), ARGV[5])
if ARGV[1] == 'set' then
	local for_ms = tonumber(ARGV[3])
	local ends = for_ms > 0 and now_ms() + for_ms or 0
	client.override = { status = ARGV[2], ends = ends, note = ARGV[4] }
	redis.call('HSET', client.key, 'o', table.concat({ ARGV[2], num(ends), ARGV[4] }, '|'))
	if ends > 0 then
		redis.call('ZADD', client.due, num(ends), due_of(client, 'o'))
	else
		redis.call('ZREM', client.due, due_of(client, 'o'))
	end
	consolidate(client)
elseif client.override then
	override_remove(client)
	consolidate(client)
end
return client.line and line_pack(client.line) or ''
