/* fuzz_ws_frame.c - any bytes as a client's frames.
 *
 * What has to hold: a frame lies inside the bytes given and takes some of them;
 * a frame cut anywhere is not a frame yet, and trying does not change it; what
 * was read, written again, is the same payload.
 *
 *     cmake --preset fuzz && cmake --build --preset fuzz
 *     build/fuzz/fuzz_ws_frame -max_total_time=30 tests/fuzz/corpus/ws_frame
 */
#include "common/io/ws_frame.h"

enum { MAX_PAYLOAD = 2000, INPUT_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const struct ws_frame *frame, const char *data, size_t n, size_t used)
{
	struct buf again;

	INVARIANT(used >= 6 && used <= n);
	INVARIANT(frame->payload.p >= data + 6 && frame->payload.p + frame->payload.n == data + used);
	INVARIANT(frame->opcode >= WS_CLOSE ? frame->fin && frame->payload.n <= 125
					    : frame->payload.n <= MAX_PAYLOAD);

	buf_init(&again, MAX_PAYLOAD + WS_HEAD_MAX);
	ws_frame_write(&again, frame->opcode, frame->payload);
	INVARIANT(buf_ok(&again) && again.n == used - 4); /* the shortest form, without the mask */
	INVARIANT(str_eq(str_skip(buf_str(&again), again.n - frame->payload.n), frame->payload));
	buf_fini(&again);
}

/* Every shorter piece in memory of its own size, so that a read too far is caught. */
static void check_cuts(const uint8_t *data, size_t used)
{
	for (size_t n = 0; n < used; n += n < 16 ? 1 : 97) {
		char *piece = x_alloc(n ? n : 1);
		struct ws_frame frame;
		size_t taken;

		memcpy(piece, data, n);
		INVARIANT(ws_frame_read(piece, n, MAX_PAYLOAD, &frame, &taken) == WS_READ_MORE);
		INVARIANT(memcmp(piece, data, n) == 0);
		x_free(piece);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t n = MIN(size, (size_t)INPUT_MAX);
	char *copy = x_alloc(n ? n : 1);
	struct ws_frame frame;
	size_t at = 0, used;

	if (n)
		memcpy(copy, data, n);
	while (ws_frame_read(copy + at, n - at, MAX_PAYLOAD, &frame, &used) == WS_READ_FRAME) {
		check_frame(&frame, copy + at, n - at, used);
		check_cuts(data + at, used);
		at += used;
	}
	x_free(copy);
	return 0;
}
