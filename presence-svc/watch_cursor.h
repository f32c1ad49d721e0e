/* watch_cursor.h - "1f2e3d4c-1795337848123456": up to which version a watcher has been told, and by which Redis.  Pure.
 *
 * Versions are times, so a watcher that comes again is told of whatever is younger than its cursor, less a
 * margin: changes of different clients do not reach a worker in the order of their versions.  A Redis that
 * was started anew may have lost versions that were told; and whoever has been offline for a
 * week is forgotten, so an older cursor tells nothing either.
 */
#pragma once

#include "common/base/str.h"
#include "presence-svc/watch.h"

struct watch_cursor {
	bool given;
	bool stale;              /* what has changed since cannot be known */
	int64_t version;
	int64_t after;           /* tell of what is younger; -1: of everything */
};

/* False when the text is none; STR_NULL is one that is not given. */
MUST_USE bool watch_cursor_read(struct str text, uint32_t epoch, struct watch_cursor *out);
struct str watch_cursor_write(char space[WATCH_CURSOR_MAX], uint32_t epoch, int64_t version);
