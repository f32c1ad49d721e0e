/* buf.h - growing bytes with a compulsory cap.
 *
 * Passing the cap sets `failed` and drops the write; later writes do nothing.
 * So a chain of writes is checked once, at its end, with buf_ok().
 */
#pragma once

#include <stdarg.h>

#include "common/base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t size;
	size_t cap;
	bool failed;
};

void buf_init(struct buf *buf, size_t cap);
void buf_fini(struct buf *buf);                          /* frees; what is left is an empty buf of the same cap */
void buf_clear(struct buf *buf);                         /* keeps the memory and the cap */
bool buf_ok(const struct buf *buf);
struct str buf_str(const struct buf *buf);               /* borrowed until the next write */
const char *buf_cstr(struct buf *buf);                   /* NUL behind the bytes; "" when empty or failed */

void buf_put(struct buf *buf, struct str s);
void buf_putc(struct buf *buf, char c);
void buf_puts(struct buf *buf, const char *cstr);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_put_urlencoded(struct buf *buf, struct str s);  /* RFC 3986 unreserved kept, all else %XX */
void buf_consume(struct buf *buf, size_t n);             /* drops n bytes from the front */
char *buf_reserve(struct buf *buf, size_t n);            /* room for n more, or NULL; buf->n is the caller's to raise */
