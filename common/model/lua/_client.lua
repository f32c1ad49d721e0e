-- A client, and the one function that consolidates it.
--
-- c:{pN}:AC:identity
--   m      the line: version|status|ringable|media|devices|since_ms|last_seen_ms|override status|note
--   d<DV>  device: reg|held|address|status|media|until_ms|since_ms|ttl_ms[|suspect|missed]
--          held is c (by a channel; lives by its node's lease), l (by a REST lease, until until_ms) or
--          g (its channel has closed a moment ago: it counts, but cannot be rung, until until_ms)
--          suspect (1 or 0): it did not acknowledge a ring, and was not heard since; it counts, but cannot be rung
--          missed: so many rings in a row timed out
--   k<DV>  claim: call|state|fence|attempt|until_ms   state is r (ringing), e (engaged) or
--          s (settling: its call was refused as busy a moment ago, and a call that crosses
--          it has to find it busy too)
--   o      what its user chose to show: status or ""|until_ms or 0|note
--   w      the customer has been told that it is there
--   n      how many index terms its devices have
-- x:{pN}:AC:identity  DV -> the JSON that readers are shown; t<DV> -> its index terms
-- h:{pN}:AC:identity  earlier lines, newest first
-- s:{pN}:AC           p: the account's rules, version|flags|grace_ms|channel|away_after_missed; n: counts what was published
-- A:{pN}, i:{pN}:AC:* who there is, by name, status, ringable medium and index term
-- o:{pN}:AC:identity  presence webhooks to be delivered
-- Media are bit masks: 1 voice, 2 video, 4 message.
--@include _time.lua

local FORGET_MS = 7 * 24 * 3600 * 1000   -- an offline client's last_seen is kept so long
local MAX_DEVICES = 50
local MAX_TERMS = 1000                   -- of all devices of a client: each change of one looks at all of them
local HISTORY_MAX = 50
local OUTBOX_MAX = 100
local CALL_WAITING, AWAY_RINGS, WEBHOOKS = 1, 2, 4
local MEDIA_BITS = { 1, 2, 4 }

local function device_of(packed)
	local p = split(packed, '|')
	return { reg = tonumber(p[1]), held = p[2], address = p[3], status = p[4], media = tonumber(p[5]),
	         lease_until = tonumber(p[6]), since = tonumber(p[7]), ttl = tonumber(p[8] or '0'),
	         suspect = p[9] == '1', missed = tonumber(p[10] or '0') }
end

local function device_pack(d)
	local packed = { num(d.reg), d.held, d.address, d.status, num(d.media), num(d.lease_until), num(d.since), num(d.ttl) }
	if d.suspect or d.missed > 0 then
		packed[9], packed[10] = d.suspect and '1' or '0', num(d.missed)
	end
	return table.concat(packed, '|')
end

local function claim_of(packed)
	local p = split(packed, '|')
	return { call = p[1], state = p[2], fence = tonumber(p[3]), attempt = tonumber(p[4]), ends = tonumber(p[5]) }
end

local function claim_pack(k)
	return table.concat({ k.call, k.state, num(k.fence), num(k.attempt), num(k.ends) }, '|')
end

local function override_of(packed)
	local status, ends, note = string.match(packed, '^(.-)|(.-)|(.*)$')
	return { status = status, ends = tonumber(ends), note = note }
end

local function line_of(packed)
	local p = split(packed, '|')
	return { version = tonumber(p[1]), status = p[2], ringable = tonumber(p[3]), media = tonumber(p[4]), count = tonumber(p[5]),
	         since = tonumber(p[6]), seen = tonumber(p[7]), override = p[8] or '', note = table.concat(p, '|', 9) }
end

local function line_pack(l)
	return table.concat({ num(l.version), l.status, num(l.ringable), num(l.media), num(l.count), num(l.since), num(l.seen),
	                      l.override, l.note }, '|')
end

local function node_of(address)
	return string.match(address, '^(.-)%.') or address
end

-- Nobody is there, and nothing keeps a place.
local function is_idle(client)
	return client.count == 0 and next(client.claims) == nil and not client.override
end

-- The names of a client's other keys come from the one that a script was given: same hash tag.
local function client_read(key)
	local tag, account, identity = string.match(key, '^c:({.-}):(.-):(.*)$')
	local flat = redis.call('HGETALL', key)
	local client = { key = key, tag = tag, account = account, identity = identity, own = account .. ':' .. identity,
	                 index = 'i:' .. tag .. ':' .. account .. ':', due = 'D:' .. tag, devices = {}, claims = {}, count = 0,
	                 n_terms = 0 }
	for i = 1, #flat, 2 do
		local field, value = flat[i], flat[i + 1]
		local kind = string.sub(field, 1, 1)
		if kind == 'm' then
			client.line = line_of(value)
		elseif kind == 'o' then
			client.override = override_of(value)
		elseif kind == 'w' then
			client.told = true
		elseif kind == 'n' then
			client.n_terms = tonumber(value)
		elseif kind == 'd' then
			client.devices[string.sub(field, 2)] = device_of(value)
			client.count = client.count + 1
		elseif kind == 'k' then
			local claim = claim_of(value)
			if claim.state == 's' and claim.ends <= now_ms() then
				redis.call('HDEL', key, field)
			else
				client.claims[string.sub(field, 2)] = claim
			end
		end
	end
	client.n_terms = client.count > 0 and client.n_terms or 0
	client.was_idle = client.line and is_idle(client)
	return client
end

-- What a deadline of this client is listed as.
local function due_of(client, kind, dv)
	return kind .. '|' .. client.account .. '|' .. client.identity .. (dv and '|' .. dv or '')
end

local function client_key_of(tag, member)
	local p = split(member, '|')
	return 'c:' .. tag .. ':' .. p[1] .. ':' .. p[2], p[3]
end

-- ---- the account's rules ----

local function rules_key(client)
	return 's:' .. client.tag .. ':' .. client.account
end

-- The caller knows its account's rules: they are kept here for those who do not, unless newer ones are.
local function rules_keep(key, packed)
	local old = packed ~= '' and redis.call('HGET', key, 'p')
	if packed == '' or old == packed then
		return
	end
	if not old or tonumber(split(old, '|')[1]) <= tonumber(split(packed, '|')[1]) then
		redis.call('HSET', key, 'p', packed)
	end
end

local function rules_of(client)
	if not client.rules then
		local p = split(redis.call('HGET', rules_key(client), 'p') or '0|0|0|', '|')
		client.rules = { flags = tonumber(p[2]), grace_ms = tonumber(p[3]), channel = p[4], away_after = tonumber(p[5] or '0') }
	end
	return client.rules
end

local function ruled(client, flag)
	return bit.band(rules_of(client).flags, flag) ~= 0
end

-- ---- what the devices, claims and the user's choice come to ----

-- Why a device cannot be rung for a medium; nil when it can.
local function unringable(client, device, claim, medium)
	if device.held ~= 'c' then
		return 'no_channel'
	elseif device.suspect then
		return 'suspect'
	elseif claim then
		return claim.state == 'e' and 'on_call' or 'engaged'
	elseif device.status ~= 'available' and not (device.status == 'away' and ruled(client, AWAY_RINGS)) then
		return device.status
	elseif bit.band(device.media, medium) == 0 then
		return 'media'
	end
end

local RANK = { dnd = 5, on_call = 4, available = 3, busy = 2, away = 1, offline = 0 }
local BLOCKS = { dnd = true, busy = true, offline = true }

local function is_on_call(client)
	for dv, claim in pairs(client.claims) do
		if claim.state == 'e' and client.devices[dv] then
			return true
		end
	end
end

-- What blocks the whole client, whatever its single devices say; nil for nothing.
local function blocked(client)
	if client.override and BLOCKS[client.override.status] then
		return client.override.status
	end
	if is_on_call(client) and not ruled(client, CALL_WAITING) then
		return 'on_call'
	end
	for _, device in pairs(client.devices) do
		if device.status == 'dnd' then
			return 'dnd'
		end
	end
end

local function higher(a, b)
	return RANK[a] >= RANK[b] and a or b
end

-- Live devices, claims and override in; status, ringable, media, count, override and note out.
local function consolidated(client)
	local line = { status = is_on_call(client) and 'on_call' or 'offline', ringable = 0, media = 0, count = client.count,
	               override = '', note = '' }
	local block = blocked(client)
	for dv, device in pairs(client.devices) do
		line.status = higher(device.status, line.status)
		line.media = bit.bor(line.media, device.media)
		if not block and not unringable(client, device, client.claims[dv], 7) then
			line.ringable = bit.bor(line.ringable, device.media)
		end
	end
	if client.override then
		line.override, line.note = client.override.status, client.override.note
		line.status = line.override ~= '' and line.override or line.status
	end
	return line
end

-- ---- indexes ----

local function index_move(client, from, to)
	if from and from ~= to then
		redis.call('ZREM', client.index .. from, client.identity)
	end
	if to and from ~= to then
		redis.call('ZADD', client.index .. to, 0, client.identity)
	end
end

-- old or new: nil for a client that was, or is, not there at all.
local function index_line(client, old, new)
	if not old then
		index_move(client, nil, 'all')
		redis.call('SADD', 'A:' .. client.tag, client.account)
	elseif not new then
		index_move(client, 'all', nil)
		if redis.call('EXISTS', client.index .. 'all') == 0 then
			redis.call('SREM', 'A:' .. client.tag, client.account)
		end
	end
	index_move(client, old and 's:' .. old.status, new and 's:' .. new.status)
	for _, one in ipairs(MEDIA_BITS) do
		local was = old and bit.band(old.ringable, one) ~= 0
		local is = new and bit.band(new.ringable, one) ~= 0
		if was ~= is then
			index_move(client, was and 'r:' .. one or nil, is and 'r:' .. one or nil)
		end
	end
end

local function set_of(list)
	local set = {}
	for _, one in ipairs(list) do
		set[one] = true
	end
	return set
end

local function terms_key(client)
	return 'x:' .. client.tag .. ':' .. client.own
end

local function terms_of(client, dv)
	local packed = redis.call('HGET', terms_key(client), 't' .. dv)
	return packed and split(packed, '\0') or {}
end

local function terms_count(client, n)
	if n > 0 and n ~= client.n_terms then
		redis.call('HSET', client.key, 'n', num(n))
	elseif n <= 0 and client.n_terms ~= 0 then
		redis.call('HDEL', client.key, 'n')
	end
	client.n_terms = math.max(n, 0)
end

local function terms_unlist(client, dv, gone)
	for other in pairs(next(gone) and client.devices or {}) do
		for _, term in ipairs(other ~= dv and terms_of(client, other) or {}) do
			gone[term] = nil
		end
	end
	for term in pairs(gone) do
		redis.call('ZREM', client.index .. 'a:' .. term, client.identity)
	end
end

-- A client is listed under a term while any of its devices has it.
local function terms_set(client, dv, terms)
	local old = terms_of(client, dv)
	local had, gone = set_of(old), set_of(old)
	if table.concat(old, '\0') == table.concat(terms, '\0') then
		return
	end
	for _, term in ipairs(terms) do
		gone[term] = nil
		if not had[term] then
			redis.call('ZADD', client.index .. 'a:' .. term, 0, client.identity)
		end
	end
	terms_unlist(client, dv, gone)
	terms_count(client, client.n_terms + #terms - #old)
	if #terms > 0 then
		redis.call('HSET', terms_key(client), 't' .. dv, table.concat(terms, '\0'))
	else
		redis.call('HDEL', terms_key(client), 't' .. dv)
	end
end

-- ---- who is told ----

local function outbox_push(client, entry)
	local subject = client.own
	local queue = 'o:' .. client.tag .. ':' .. subject
	local n = redis.call('RPUSH', queue, entry)
	if n > OUTBOX_MAX then       -- the oldest is perhaps under way: the one after it goes
		local dropped = redis.call('LINDEX', queue, 1)
		redis.call('LREM', queue, 1, dropped)
		local dead = 'z:' .. client.tag .. ':' .. client.account
		redis.call('XADD', dead, 'MAXLEN', '~', '1000', '*', 'subject', subject, 'm', dropped, 'why', 'overflow')
		redis.call('PEXPIRE', dead, 30 * 24 * 3600 * 1000)
	end
	redis.call('ZADD', 'O:' .. client.tag, 'NX', num(now_ms()), subject)
end

local function tell(client, told)
	if told and not client.told then
		redis.call('HSET', client.key, 'w', '1')
	elseif client.told and not told then
		redis.call('HDEL', client.key, 'w')
	end
	client.told = told
end

-- What is news for a customer; that a device rings is not.
local function is_news(old, new)
	return not old or old.status ~= new.status or old.count ~= new.count or old.media ~= new.media
		or old.override ~= new.override or old.note ~= new.note
end

-- The customer hears of nobody who leaves, or changes, without having heard that he came.
local function webhook_write(client, old, new, packed)
	if not ruled(client, WEBHOOKS) then
		tell(client, false)
		return
	end
	local event
	if new.count > 0 and not client.told then
		event = 'online'
	elseif new.count == 0 and client.told then
		event = 'offline'
	elseif new.count > 0 and is_news(old, new) then
		event = 'changed'
	else
		return
	end
	tell(client, new.count > 0)
	outbox_push(client, table.concat({ event, old and old.status or 'offline', num(new.seen), packed }, '|'))
end

local function history_write(client, old, new, packed)
	if old and old.status == new.status and old.count == new.count and old.override == new.override and old.note == new.note then
		return
	end
	local key = 'h:' .. client.tag .. ':' .. client.own
	redis.call('LPUSH', key, packed)
	redis.call('LTRIM', key, 0, HISTORY_MAX - 1)
end

local function publish(client, packed)
	local rules = rules_of(client)
	if rules.channel and rules.channel ~= '' then
		local n = redis.call('HINCRBY', rules_key(client), 'n', 1)
		redis.call('PUBLISH', rules.channel, num(n) .. '|' .. client.identity .. '|' .. packed)
	end
end

-- ---- the one function of consolidation ----

-- An offline client is forgotten in time; a claim that it still has decides about a call.
local function remember(client)
	local idle = is_idle(client)
	if idle and not client.was_idle then
		redis.call('ZADD', client.due, num(now_ms() + FORGET_MS), due_of(client, 'f'))
	elseif client.was_idle and not idle then
		redis.call('ZREM', client.due, due_of(client, 'f'))
	end
	client.was_idle = idle
end

local function same(old, new)
	return old.status == new.status and old.ringable == new.ringable and old.media == new.media and old.count == new.count
		and old.override == new.override and old.note == new.note
end

-- detail: something changed that only the single devices show, so the version rises too.
local function consolidate(client, detail)
	local old, new = client.line, consolidated(client)
	remember(client)
	if old and not detail and same(old, new) then
		return old.version
	end
	local now = now_us()
	new.version = math.max(old and old.version + 1 or 0, now)
	new.seen = math.floor(now / 1000)
	new.since = old and old.status == new.status and old.since or new.seen
	local packed = line_pack(new)
	redis.call('HSET', client.key, 'm', packed)
	index_line(client, old, new)
	history_write(client, old, new, packed)
	webhook_write(client, old, new, packed)
	publish(client, packed)
	client.line = new
	return new.version
end

-- ---- changes ----

-- Takes a device out of whatever lets it live.
local function device_unlist(client, dv, device)
	if device.held == 'c' then
		redis.call('SREM', 'n:' .. client.tag .. ':' .. node_of(device.address), string.sub(due_of(client, '', dv), 2))
	else
		redis.call('ZREM', client.due, due_of(client, device.held, dv))
	end
end

local function device_list(client, dv, device)
	if device.held == 'c' then
		redis.call('SADD', 'n:' .. client.tag .. ':' .. node_of(device.address), string.sub(due_of(client, '', dv), 2))
	else
		redis.call('ZADD', client.due, num(device.lease_until), due_of(client, device.held, dv))
	end
end

local function device_keep(client, dv, device)
	redis.call('HSET', client.key, 'd' .. dv, device_pack(device))
end

-- Takes a device away.  Its claim stays: the call it belongs to decides.
local function device_remove(client, dv)
	local device = client.devices[dv]
	terms_set(client, dv, {})
	redis.call('HDEL', client.key, 'd' .. dv)
	redis.call('HDEL', terms_key(client), dv)
	device_unlist(client, dv, device)
	client.devices[dv] = nil
	client.count = client.count - 1
end

local function claim_put(client, dv, claim)
	redis.call('HSET', client.key, 'k' .. dv, claim_pack(claim))
	redis.call('ZADD', client.due, num(claim.ends), due_of(client, 'k', dv))
	client.claims[dv] = claim
end

local function claim_remove(client, dv)
	redis.call('HDEL', client.key, 'k' .. dv)
	redis.call('ZREM', client.due, due_of(client, 'k', dv))
	client.claims[dv] = nil
end

local function override_remove(client)
	redis.call('HDEL', client.key, 'o')
	redis.call('ZREM', client.due, due_of(client, 'o'))
	client.override = nil
end

-- Nobody has come for a long time.
local function client_forget(client)
	redis.call('DEL', client.key, terms_key(client), 'h:' .. client.tag .. ':' .. client.own)
	redis.call('ZREM', client.due, due_of(client, 'f'))
	if client.line then
		index_line(client, client.line, nil)
	end
end
