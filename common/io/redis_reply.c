/* redis_reply.c - reading replies, whatever hiredis calls them.
 *
 * struct redis_reply is a redisReply under another name, so that no other
 * module sees hiredis.  Every getter takes NULL for "not there".
 */
#include <hiredis/hiredis.h>

#include "common/io/redis_link.h"

static const redisReply *raw(const struct redis_reply *reply)
{
	return (const void *)reply;
}

static bool is_type(const struct redis_reply *reply, int type)
{
	return reply && raw(reply)->type == type;
}

bool redis_is_nil(const struct redis_reply *reply)
{
	return is_type(reply, REDIS_REPLY_NIL);
}

bool redis_is_array(const struct redis_reply *reply)
{
	return is_type(reply, REDIS_REPLY_ARRAY);
}

bool redis_is_error(const struct redis_reply *reply)
{
	return is_type(reply, REDIS_REPLY_ERROR);
}

size_t redis_count(const struct redis_reply *reply)
{
	return redis_is_array(reply) ? raw(reply)->elements : 0;
}

const struct redis_reply *redis_at(const struct redis_reply *reply, size_t i)
{
	if (i >= redis_count(reply))
		return NULL;
	return (const void *)raw(reply)->element[i];
}

struct str redis_str(const struct redis_reply *reply)
{
	if (!is_type(reply, REDIS_REPLY_STRING) && !is_type(reply, REDIS_REPLY_STATUS))
		return STR_NULL;
	return str_n(raw(reply)->str, raw(reply)->len);
}

struct str redis_str_at(const struct redis_reply *reply, size_t i)
{
	return redis_str(redis_at(reply, i));
}

bool redis_int(const struct redis_reply *reply, int64_t *out)
{
	if (is_type(reply, REDIS_REPLY_INTEGER)) {
		*out = raw(reply)->integer;
		return true;
	}
	return str_to_i64(redis_str(reply), out);
}

int64_t redis_int_at(const struct redis_reply *reply, size_t i, int64_t fallback)
{
	int64_t value;

	return redis_int(redis_at(reply, i), &value) ? value : fallback;
}

struct str redis_field(const struct redis_reply *reply, const char *field)
{
	struct str name = str_of(field);
	size_t n = redis_count(reply);

	for (size_t i = 0; i + 1 < n; i += 2) {
		if (str_eq(redis_str_at(reply, i), name))
			return redis_str_at(reply, i + 1);
	}
	return STR_NULL;
}

struct str redis_error_text(const struct redis_reply *reply)
{
	return redis_is_error(reply) ? str_n(raw(reply)->str, raw(reply)->len) : STR_NULL;
}

bool redis_is_error_of(const struct redis_reply *reply, struct str code)
{
	struct str text = redis_error_text(reply);
	struct str word;

	return str_split(&text, ' ', &word) && str_eq(word, code);
}

struct str redis_num(char space[24], int64_t v)
{
	uint64_t left = v < 0 ? -(uint64_t)v : (uint64_t)v;
	size_t at = 24;

	do {
		space[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (v < 0)
		space[--at] = '-';
	return str_n(space + at, 24 - at);
}
