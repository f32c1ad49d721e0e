/* test_ws_frame.c - frames in and out, against the bytes of RFC 6455. */
#include "common/io/ws_frame.h"
#include "tests/unit/unit.h"

#define MASK "\x37\xfa\x21\x3d"
#define BYTES(literal)                                                                                       \
	{                                                                                                    \
		"" literal, sizeof(literal) - 1                                                              \
	}

static enum ws_read read_copy(struct str bytes, size_t max_payload, struct buf *copy, struct ws_frame *frame,
			      size_t *used)
{
	buf_clear(copy);
	buf_put(copy, bytes);
	return ws_frame_read(copy->p, copy->n, max_payload, frame, used);
}

static void reads_frames(void **state)
{
	static const struct {
		struct str bytes;
		enum ws_opcode opcode;
		bool fin;
		const char *payload;
	} rows[] = {
		/* section 5.7; the unmasked examples with the mask that clients have to use */
		{ BYTES("\x81\x85" MASK "\x7f\x9f\x4d\x51\x58"), WS_TEXT, true, "Hello" },
		{ BYTES("\x01\x83" MASK "\x7f\x9f\x4d"), WS_TEXT, false, "Hel" },
		{ BYTES("\x80\x82" MASK "\x5b\x95"), WS_CONT, true, "lo" },
		{ BYTES("\x89\x85" MASK "\x7f\x9f\x4d\x51\x58"), WS_PING, true, "Hello" },
		{ BYTES("\x8a\x85" MASK "\x7f\x9f\x4d\x51\x58"), WS_PONG, true, "Hello" },
		{ BYTES("\x82\x80" MASK), WS_BINARY, true, "" },
		{ BYTES("\x00\x80" MASK), WS_CONT, false, "" },
		{ BYTES("\x88\x82\x00\x00\x00\x00\x03\xe8"), WS_CLOSE, true, "\x03\xe8" },
	};
	struct buf copy;

	(void)state;
	buf_init(&copy, 64);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ws_frame frame;
		size_t used = 0;

		assert_int_equal(read_copy(rows[i].bytes, 5, &copy, &frame, &used), WS_READ_FRAME);
		assert_int_equal(frame.opcode, rows[i].opcode);
		assert_int_equal(frame.fin, rows[i].fin);
		assert_true(str_eq(frame.payload, str_of(rows[i].payload)));
		assert_int_equal(used, rows[i].bytes.n);
		for (size_t n = 0; n < rows[i].bytes.n; n++) /* no part of a frame is a frame */
			assert_int_equal(read_copy(str_n(rows[i].bytes.p, n), 5, &copy, &frame, &used),
					 WS_READ_MORE);
	}
	buf_fini(&copy);
}

static void judges_heads(void **state)
{
	/* a full head each; the payload is not there */
	static const struct {
		const char *what;
		struct str bytes;
		enum ws_read result;
	} rows[] = {
		{ "not masked", BYTES("\x81\x05"), WS_READ_BAD },
		{ "RSV1", BYTES("\xc1\x85"), WS_READ_BAD },
		{ "RSV2", BYTES("\xa1\x85"), WS_READ_BAD },
		{ "RSV3", BYTES("\x91\x85"), WS_READ_BAD },
		{ "opcode 3", BYTES("\x83\x85"), WS_READ_BAD },
		{ "opcode 7", BYTES("\x87\x85"), WS_READ_BAD },
		{ "opcode 11", BYTES("\x8b\x85"), WS_READ_BAD },
		{ "opcode 15", BYTES("\x8f\x85"), WS_READ_BAD },
		{ "fragmented ping", BYTES("\x09\x80"), WS_READ_BAD },
		{ "fragmented close", BYTES("\x08\x82"), WS_READ_BAD },
		{ "ping of 126", BYTES("\x89\xfe"), WS_READ_BAD },
		{ "close of 64 bits", BYTES("\x88\xff"), WS_READ_BAD },
		{ "ping of 125", BYTES("\x89\xfd"), WS_READ_MORE },
		{ "5 in 16 bits", BYTES("\x81\xfe\x00\x05"), WS_READ_BAD },
		{ "125 in 16 bits", BYTES("\x81\xfe\x00\x7d"), WS_READ_BAD },
		{ "126 in 16 bits", BYTES("\x81\xfe\x00\x7e"), WS_READ_MORE },
		{ "65535 in 64 bits", BYTES("\x81\xff\0\0\0\0\0\0\xff\xff"), WS_READ_BAD },
		{ "65536 in 64 bits", BYTES("\x81\xff\0\0\0\0\0\x01\0\0"), WS_READ_MORE },
		{ "70000", BYTES("\x81\xff\0\0\0\0\0\x01\x11\x70"), WS_READ_MORE },
		{ "70001", BYTES("\x81\xff\0\0\0\0\0\x01\x11\x71"), WS_READ_TOO_LONG },
		{ "2^63 - 1", BYTES("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), WS_READ_TOO_LONG },
		{ "2^63", BYTES("\x81\xff\x80\0\0\0\0\0\0\0"), WS_READ_BAD },
		{ "2^64 - 1", BYTES("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"), WS_READ_BAD },
		{ "half a length", BYTES("\x81\xff\0\0\0\0\0\x01\0"), WS_READ_MORE },
		{ "one byte", BYTES("\x81"), WS_READ_MORE },
		{ "nothing", BYTES(""), WS_READ_MORE },
	};
	struct buf copy;

	(void)state;
	buf_init(&copy, 64);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ws_frame frame;
		size_t used;

		if (read_copy(rows[i].bytes, 70000, &copy, &frame, &used) != rows[i].result)
			fail_msg("%s", rows[i].what);
	}
	buf_fini(&copy);
}

static void control_frames_pass_any_bound(void **state)
{
	char ping[6 + 125] = "\x89\xfd\0\0\0\0", text[6 + 1] = "\x81\x81\0\0\0\0x";
	struct ws_frame frame;
	size_t used;

	(void)state;
	assert_int_equal(ws_frame_read(ping, sizeof(ping), 0, &frame, &used), WS_READ_FRAME);
	assert_int_equal(frame.payload.n, 125);
	assert_int_equal(ws_frame_read(text, sizeof(text), 0, &frame, &used), WS_READ_TOO_LONG);
}

static struct buf masked(struct str plain)
{
	struct buf out, head;

	buf_init(&out, 1 << 20);
	buf_init(&head, 1 << 20);
	ws_frame_write(&head, WS_BINARY, plain);
	head.p[1] = (char)(head.p[1] | 0x80);
	buf_put(&out, str_n(head.p, head.n - plain.n));
	buf_put(&out, STR(MASK));
	for (size_t i = 0; i < plain.n; i++)
		buf_putc(&out, (char)(plain.p[i] ^ MASK[i % 4]));
	buf_fini(&head);
	return out;
}

static void lengths_go_there_and_back(void **state)
{
	static const struct {
		size_t payload_n, head_n;
	} rows[] = {
		{ 0, 2 },   { 1, 2 },	{ 7, 2 },     { 8, 2 },	     { 9, 2 },	    { 125, 2 },
		{ 126, 4 }, { 256, 4 }, { 65535, 4 }, { 65536, 10 }, { 70001, 10 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str plain = { malloc(rows[i].payload_n + 1), rows[i].payload_n };
		struct ws_frame frame;
		size_t used;

		for (size_t at = 0; at < plain.n; at++)
			((char *)plain.p)[at] = (char)(at * 7);
		struct buf frame_bytes = masked(plain);

		assert_int_equal(ws_frame_read(frame_bytes.p, frame_bytes.n - 1, 70001, &frame, &used),
				 WS_READ_MORE);
		buf_putc(&frame_bytes, 'x'); /* of the next frame */
		assert_int_equal(ws_frame_read(frame_bytes.p, frame_bytes.n, 70001, &frame, &used),
				 WS_READ_FRAME);
		assert_int_equal(used, rows[i].head_n + 4 + plain.n);
		assert_true(str_eq(frame.payload, plain));
		buf_fini(&frame_bytes);
		free((char *)plain.p);
	}
}

static void writes_frames(void **state)
{
	struct buf out;
	char payload[65536] = "";

	(void)state;
	buf_init(&out, 1 << 20);
	ws_frame_write(&out, WS_TEXT, STR("Hello"));
	assert_str_equal(buf_str(&out), "\x81\x05Hello");
	buf_clear(&out);
	ws_frame_write(&out, WS_PING, STR("Hello"));
	assert_str_equal(buf_str(&out), "\x89\x05Hello");
	buf_clear(&out);
	ws_frame_write(&out, WS_BINARY, str_n(payload, 256));
	assert_memory_equal(out.p, "\x82\x7e\x01\x00", 4);
	buf_clear(&out);
	ws_frame_write(&out, WS_BINARY, str_n(payload, 65536));
	assert_memory_equal(out.p, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
	assert_int_equal(out.n, 10 + 65536);
	buf_fini(&out);
}

static void answers_the_key(void **state)
{
	char out[29];

	(void)state;
	ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ=="), out); /* section 1.3 */
	assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_frames),
		cmocka_unit_test(judges_heads),
		cmocka_unit_test(control_frames_pass_any_bound),
		cmocka_unit_test(lengths_go_there_and_back),
		cmocka_unit_test(writes_frames),
		cmocka_unit_test(answers_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
