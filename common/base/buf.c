/* buf.c - growing bytes with a compulsory cap.
 *
 * No memory is held before the first write.  Room doubles from START_SIZE up
 * to the cap; there is always one byte more than the content, for buf_cstr.
 */
#include "common/base/buf.h"

#include <stdio.h>

enum { START_SIZE = 128 };

void buf_init(struct buf *buf, size_t cap)
{
	INVARIANT(cap < SIZE_MAX / 4);
	*buf = (struct buf){ .cap = cap };
}

void buf_fini(struct buf *buf)
{
	x_free(buf->p);
	*buf = (struct buf){ .cap = buf->cap };
}

void buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->failed = false;
}

bool buf_ok(const struct buf *buf)
{
	return !buf->failed;
}

struct str buf_str(const struct buf *buf)
{
	return str_n(buf->p ? buf->p : "", buf->n);
}

const char *buf_cstr(struct buf *buf)
{
	if (!buf->p || buf->failed)
		return "";
	buf->p[buf->n] = '\0';
	return buf->p;
}

char *buf_reserve(struct buf *buf, size_t n)
{
	if (buf->failed || n > buf->cap - buf->n) {
		buf->failed = true;
		return NULL;
	}

	const size_t needed = buf->n + n + 1;

	if (needed > buf->size) {
		const size_t doubled = MAX(needed, MAX(2 * buf->size, (size_t)START_SIZE));

		buf->size = MIN(doubled, buf->cap + 1);
		buf->p = x_realloc(buf->p, buf->size);
	}
	return buf->p + buf->n;
}

void buf_put(struct buf *buf, struct str s)
{
	char *room = s.n ? buf_reserve(buf, s.n) : NULL;

	if (!room)
		return;
	memcpy(room, s.p, s.n);
	buf->n += s.n;
}

void buf_putc(struct buf *buf, char c)
{
	buf_put(buf, str_n(&c, 1));
}

void buf_puts(struct buf *buf, const char *cstr)
{
	buf_put(buf, str_of(cstr));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list ap)
{
	va_list again;
	char *room = buf_reserve(buf, 0);

	if (!room)
		return;

	va_copy(again, ap);
	const int wanted = vsnprintf(room, buf->size - buf->n, fmt, ap);

	INVARIANT(wanted >= 0);
	if ((size_t)wanted >= buf->size - buf->n) {
		room = buf_reserve(buf, (size_t)wanted);
		if (room)
			vsnprintf(room, (size_t)wanted + 1, fmt, again);
	}
	if (room)
		buf->n += (size_t)wanted;
	va_end(again);
}

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void buf_put_urlencoded(struct buf *buf, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];
		const char escape[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_unreserved(c))
			buf_putc(buf, s.p[i]);
		else
			buf_put(buf, str_n(escape, sizeof(escape)));
	}
}

void buf_consume(struct buf *buf, size_t n)
{
	INVARIANT(n <= buf->n);
	if (n == 0)
		return;
	buf->n -= n;
	memmove(buf->p, buf->p + n, buf->n);
}
