/* clock.h - the clocks.
 *
 * Monotonic time for waits inside one process, the same with the machine's sleep counted
 * for leases, wall time for what people and tokens see.  Deadlines that several nodes
 * share use none of them: they are made and compared with Redis TIME inside scripts.
 */
#pragma once

#include "common/base/str.h"

struct arena;

uint64_t clock_mono_ms(void);
uint64_t clock_boot_ms(void);                            /* monotonic; goes on while the machine sleeps */
uint64_t clock_wall_ms(void);
uint64_t clock_wall_s(void);

enum { CLOCK_RFC3339_SIZE = 25 };                        /* with its NUL */

void clock_rfc3339_put(char out[CLOCK_RFC3339_SIZE], uint64_t wall_ms);
struct str clock_rfc3339(struct arena *arena, uint64_t wall_ms);   /* 2026-11-22T06:17:28.123Z */
struct str clock_rfc2822(struct arena *arena, uint64_t wall_ms);   /* Sun, 22 Nov 2026 06:17:28 +0000 */
MUST_USE bool clock_http_parse(struct str text, uint64_t *wall_s);         /* Sun, 22 Nov 2026 06:17:28 GMT, or with hyphens; before 1970: 0 */
MUST_USE bool clock_rfc3339_parse(struct str text, uint64_t *wall_ms);     /* any offset; from 1970 on; beyond ms is cut */
