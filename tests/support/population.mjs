// population.mjs - more clients than would have the patience to register.

/** Clients in the store, without a device, as if they had left an hour ago: as many as wanted, at once. */
export async function populate(redis, account, prefix, n) {
	const spread = 8, base = crc16(account.sid);
	const names = Array.from({ length: spread }, () => []);
	for (let i = 0; i < n; i++)
		names[crc16(`${prefix}${i}`) % spread].push(`${prefix}${i}`);
	const left = Date.now() - 3600_000, forgotten = left + 7 * 24 * 3600_000;
	for (const [nth, list] of names.entries()) {
		const tag = `{p${(base + nth) % 128}}`;
		for (let from = 0; from < list.length; from += 1000)
			await redis.command('EVAL', `
				for _, name in ipairs(ARGV) do
					redis.call('HSET', 'c:${tag}:${account.sid}:' .. name, 'm', '${left * 1000}|offline|0|0|0|1|1||')
					redis.call('ZADD', KEYS[1] .. 'all', 0, name)
					redis.call('ZADD', KEYS[1] .. 's:offline', 0, name)
					redis.call('ZADD', 'D:${tag}', ${forgotten}, 'f|${account.sid}|' .. name)
				end
				redis.call('SADD', 'A:${tag}', '${account.sid}')
				return #ARGV`, '1', `i:${tag}:${account.sid}:`, ...list.slice(from, from + 1000));
	}
}

function crc16(text) {
	return [...Buffer.from(text)].reduce((crc, byte) => {
		crc ^= byte << 8;
		for (let i = 0; i < 8; i++)
			crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
		return crc & 0xffff;
	}, 0);
}
