/* log.h - one line per event, logfmt or JSON, on stderr.
 *
 *     log_info("call_created", "to=%s media=%s", log_str(to), media);
 *     ts=2026-11-22T06:17:28.123Z level=info event=call_created service=routing-svc req=RQ9f3c acct=AC.. to=bob media=voice
 *
 * The message is a list of key=value pairs in printf form; a value that may
 * hold spaces or quotes is passed through log_str.  What identifies the work
 * at hand (request, account, call) is put on the thread's context once, by the
 * mechanism that runs the step, and appears on every line below it.
 *
 * A quoted value is a JSON string, in both forms of the line.  Every value is
 * escaped in one place when the line is written, so no value can end its line;
 * pairs that do not fit into a line (4 KB) are left out, and the line then ends
 * with cut=true.  Secrets are never handed in.
 */
#pragma once

#include "common/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

void log_setup(enum log_level min, enum log_format format, const char *service);

void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool log_enabled(enum log_level level);

#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* For a value of any bytes: "%s" with log_str(s).  The text lives in a small
 * per-thread ring and is good until 8 more calls; long values are cut. */
const char *log_str(struct str s);

/* The thread's context: up to 8 pairs; keys are literals, values are copied (63 bytes). */
void log_push(const char *key, struct str value);
void log_pop(void);
