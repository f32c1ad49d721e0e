/* test_comm_token.c - a token comes back whole, or not at all. */
#include "common/model/comm_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct str secret = { "cluster-secret-0123456789abcdef01", 33 };
static const struct str host = { "ND00112233445566778899aabbccddeeff", SID_LEN };
static const struct comm_token ring = {
	.leg = { "CA0123456789abcdef0123456789000002" },
	.account = { "AC00000000000000000000000000000001" },
	.device = { "DVfedcba9876543210fedcba9876543210" },
	.attempt = 0xfffefdfc,
	.expires_at_ms = UINT64_C(0x0123456789abcdef),
};

struct fixture {
	struct seal *seal;
	struct buf text;
};

static int setup(void **state)
{
	struct fixture *f = x_alloc(sizeof(*f));

	f->seal = seal_new(secret, STR_NULL);
	buf_init(&f->text, COMM_TOKEN_MAX);
	comm_token_make(f->seal, host, &ring, &f->text);
	assert_true(buf_ok(&f->text));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	seal_free(f->seal);
	buf_fini(&f->text);
	x_free(f);
	return 0;
}

static void assert_same(const struct comm_token *a, const struct comm_token *b)
{
	assert_string_equal(a->leg.s, b->leg.s);
	assert_string_equal(a->account.s, b->account.s);
	assert_string_equal(a->device.s, b->device.s);
	assert_int_equal(a->attempt, b->attempt);
	assert_true(a->expires_at_ms == b->expires_at_ms);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	struct comm_token out;

	assert_true(str_starts(buf_str(&f->text), STR("CT1.ND00112233445566778899aabbccddeeff.s1.")));
	assert_null(strstr(buf_cstr(&f->text), "0123456789abcdef"));
	assert_true(comm_token_open(f->seal, buf_str(&f->text), &out));
	assert_same(&out, &ring);
}

static void test_host_ids(void **state)
{
	static const char *const hosts[] = {
		"b", "ND00112233445566778899aabbccddeeff.12", "a.b.c",
		"0123456789012345678901234567890123456789012345678901234567890123"
	};
	struct fixture *f = *state;
	struct comm_token out;

	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		buf_clear(&f->text);
		comm_token_make(f->seal, str_of(hosts[i]), &ring, &f->text);
		assert_true(buf_ok(&f->text));
		assert_true(comm_token_open(f->seal, buf_str(&f->text), &out));
		assert_same(&out, &ring);
	}
}

static void test_every_byte_counts(void **state)
{
	struct fixture *f = *state;
	struct comm_token out;

	for (size_t i = 0; i < f->text.n; i++) {
		assert_false(comm_token_open(f->seal, str_n(f->text.p, i), &out));
		for (int bit = 0; bit < 8; bit++) {
			f->text.p[i] ^= (char)(1 << bit);
			assert_false(comm_token_open(f->seal, buf_str(&f->text), &out));
			f->text.p[i] ^= (char)(1 << bit);
		}
	}
	assert_true(comm_token_open(f->seal, buf_str(&f->text), &out));
	buf_putc(&f->text, 'A');
	assert_false(comm_token_open(f->seal, buf_str(&f->text), &out));
}

/* the key belongs to the host: its name cannot be swapped for another's */
static void test_other_host(void **state)
{
	struct fixture *f = *state;
	const struct str other = STR("NDffeeddccbbaa99887766554433221100");
	struct buf text, plain;
	struct comm_token out;

	buf_init(&text, COMM_TOKEN_MAX);
	buf_init(&plain, COMM_TOKEN_MAX);
	comm_token_make(f->seal, other, &ring, &text);
	assert_true(comm_token_open(f->seal, buf_str(&text), &out));
	memcpy(text.p + 4, host.p, host.n);
	assert_false(comm_token_open(f->seal, buf_str(&text), &out));

	assert_false(seal_open(f->seal, "communication token NDffeeddccbbaa99887766554433221100", host,
			       str_skip(buf_str(&f->text), 4 + host.n + 1), &plain));
	buf_fini(&plain);
	buf_fini(&text);
}

static void test_other_cluster_and_rotation(void **state)
{
	struct fixture *f = *state;
	struct seal *foreign = seal_new(STR("another-secret-0123456789abcdef01"), STR_NULL);
	struct seal *rotated = seal_new(STR("another-secret-0123456789abcdef01"), secret);
	struct comm_token out;

	assert_false(comm_token_open(foreign, buf_str(&f->text), &out));
	assert_true(comm_token_open(rotated, buf_str(&f->text), &out));
	seal_free(foreign);
	seal_free(rotated);
}

/* sealed by us, but no communication token */
static void test_wrong_content(void **state)
{
	static const char *const prefix = "CT1.ND00112233445566778899aabbccddeeff.";
	struct fixture *f = *state;
	char plain[61] = { 0 };
	struct comm_token out;

	for (int version = 0; version < 4; version++) {
		plain[0] = (char)version;
		buf_clear(&f->text);
		buf_puts(&f->text, prefix);
		seal_text(f->seal, "communication token ND00112233445566778899aabbccddeeff", host,
			  str_n(plain, sizeof(plain)), &f->text);
		assert_int_equal(comm_token_open(f->seal, buf_str(&f->text), &out), version == 1);
	}
	assert_false(comm_token_open(f->seal, STR_NULL, &out));
	assert_false(comm_token_open(f->seal, STR("CT1.."), &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_byte_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_cluster_and_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_content, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
