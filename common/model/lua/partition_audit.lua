-- Looks again at some clients of an account in one partition: is the line what devices, claims and override come to, is the
-- client listed where it has to be and nowhere else, does everything that has to end by itself have its deadline?
-- What is not so is mended.
-- KEYS[1] i:{pN}:AC:all, or i:{pN}:AC:s:<status>, whose names are walked
-- ARGV: name to go on behind ("" from the start), how many, the account's rules ("": not known)
-- Answers {name to go on behind ("" at the end), clients looked at, mismatches, 1 if i:..:all and the indexes by status
--          do not have as many names, node that holds a device, ...}.
--@include _client.lua
local tag, account = string.match(KEYS[1], '^i:({.-}):(.-):')
local after, many = ARGV[1], tonumber(ARGV[2])
local place = { tag = tag, account = account }
local index, clients = 'i:' .. tag .. ':' .. account .. ':', 'c:' .. tag .. ':' .. account .. ':'
local MAX_LOOKED = 2000                  -- index terms in one step, or those of one client more
local nodes, mismatches, looked = {}, 0, 0
rules_keep(rules_key(place), ARGV[3])

local function found()
	mismatches = mismatches + 1
end

-- Where every client is listed, or not.
local INDEXES = { 'all' }
for status in pairs(RANK) do
	INDEXES[#INDEXES + 1] = 's:' .. status
end
for _, one in ipairs(MEDIA_BITS) do
	INDEXES[#INDEXES + 1] = 'r:' .. one
end

-- ---- the record ----

-- The line follows a change of the account's rules with the client's next change: until then it is right as it was.
local function explained_by_rules(client)
	local rules, explained = rules_of(client), false
	local flags = rules.flags
	for other = 0, CALL_WAITING + AWAY_RINGS do
		rules.flags = other
		explained = explained or same(client.line, consolidated(client))
	end
	rules.flags = flags
	return explained
end

local function check_line(client, settled)
	if client.line and same(client.line, consolidated(client)) then
		return
	end
	-- A claim that has just run out is the sweep's, not a defect.
	if not settled and not (client.line and explained_by_rules(client)) then
		found()
	end
	consolidate(client)
end

-- ---- what lets go of it ----

local function check_deadline(client, entry, at)
	if not redis.call('ZSCORE', client.due, entry) then
		found()
		redis.call('ZADD', client.due, num(at), entry)
	end
end

local function check_ends(client)
	for dv, device in pairs(client.devices) do
		if device.held ~= 'c' then
			check_deadline(client, due_of(client, device.held, dv), device.lease_until)
		else
			local node = node_of(device.address)
			nodes[node] = true
			if redis.call('SADD', 'n:' .. tag .. ':' .. node, string.sub(due_of(client, '', dv), 2)) == 1 then
				found()
			end
		end
	end
	for dv, claim in pairs(client.claims) do
		check_deadline(client, due_of(client, 'k', dv), claim.ends)
	end
	if client.override and client.override.ends > 0 then
		check_deadline(client, due_of(client, 'o'), client.override.ends)
	end
	if is_idle(client) then          -- no defect if it lacks: a claim that winds down leaves it to the sweep
		redis.call('ZADD', client.due, 'NX', num(now_ms() + FORGET_MS), due_of(client, 'f'))
	end
end

-- ---- where it is listed ----

local function check_listed(name, into, is)
	if is ~= (redis.call('ZSCORE', index .. into, name) and true or false) then
		found()
		redis.call(is and 'ZADD' or 'ZREM', index .. into, unpack(is and { 0, name } or { name }))
	end
end

local function check_indexes(client)
	local line = client.line
	local own = { all = true, ['s:' .. line.status] = true }
	for _, one in ipairs(MEDIA_BITS) do
		own['r:' .. one] = bit.band(line.ringable, one) ~= 0
	end
	for _, into in ipairs(INDEXES) do
		check_listed(client.identity, into, own[into] or false)
	end
	local n_terms = 0
	for dv in pairs(client.devices) do
		local terms = terms_of(client, dv)
		n_terms = n_terms + #terms
		for _, term in ipairs(terms) do
			check_listed(client.identity, 'a:' .. term, true)
		end
	end
	terms_count(client, n_terms)     -- instances of before do not count
	looked = looked + n_terms
	if redis.call('SADD', 'A:' .. tag, account) == 1 then
		found()
	end
end

-- What readers are shown of a device that is not there.
local function check_texts(client)
	for _, field in ipairs(redis.call('HKEYS', terms_key(client))) do
		local dv = string.match(field, '^t?(DV.*)$')
		if not dv or not client.devices[dv] then
			found()
			if dv then
				terms_set(client, dv, {})
			end
			redis.call('HDEL', terms_key(client), field)
		end
	end
end

local function check(name)
	local key = clients .. name
	local fields = redis.call('HLEN', key)
	if fields == 0 then
		for _, into in ipairs(INDEXES) do
			check_listed(name, into, false)
		end
		return
	end
	local client = client_read(key)
	client.rules = rules_of(place)
	check_texts(client)
	check_line(client, redis.call('HLEN', key) ~= fields)
	check_ends(client)
	check_indexes(client)
end

local function is_uneven()
	local n = 0
	for status in pairs(RANK) do
		n = n + redis.call('ZCARD', index .. 's:' .. status)
	end
	return n ~= redis.call('ZCARD', index .. 'all')
end

local names = redis.call('ZRANGEBYLEX', KEYS[1], after ~= '' and '(' .. after or '-', '+', 'LIMIT', 0, many)
local n = 0
while n < #names and looked < MAX_LOOKED do
	n = n + 1
	check(names[n])
end
local more = n < #names or n == many
local out = { more and names[n] or '', n, mismatches, is_uneven() and 1 or 0 }
for node in pairs(nodes) do
	out[#out + 1] = node
end
return out
