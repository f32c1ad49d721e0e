/* test_netguard.c - which addresses customers' URLs may reach. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "common/io/netguard.h"
#include "tests/unit/unit.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage out = { 0 };
	struct sockaddr_in *in = (void *)&out;
	struct sockaddr_in6 *in6 = (void *)&out;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		out.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		out.ss_family = AF_INET6;
	else
		fail_msg("%s is no address", text);
	return out;
}

static bool permits(const char *list, const char *text)
{
	const struct sockaddr_storage address = address_of(text);
	struct netguard guard;
	struct str bad;

	assert_true(netguard_parse(&guard, str_of(list), &bad));
	return netguard_permits(&guard, (const struct sockaddr *)&address);
}

static bool lists(const char *list, const char *text)
{
	const struct sockaddr_storage address = address_of(text);
	struct netguard guard;
	struct str bad;

	assert_true(netguard_parse(&guard, str_of(list), &bad));
	return netguard_lists(&guard, (const struct sockaddr *)&address);
}

/* Of every special net its edges, and the neighbours outside. */
static const struct {
	const char *address;
	bool ok;
} addresses[] = {
	{ "0.0.0.0", false },
	{ "0.255.255.255", false },
	{ "1.0.0.0", true },
	{ "9.255.255.255", true },
	{ "10.0.0.0", false },
	{ "10.255.255.255", false },
	{ "11.0.0.0", true },
	{ "100.63.255.255", true },
	{ "100.64.0.0", false },
	{ "100.127.255.255", false },
	{ "100.128.0.0", true },
	{ "126.255.255.255", true },
	{ "127.0.0.1", false },
	{ "127.255.255.255", false },
	{ "128.0.0.0", true },
	{ "169.253.255.255", true },
	{ "169.254.169.254", false },
	{ "169.255.0.0", true },
	{ "172.15.255.255", true },
	{ "172.16.0.0", false },
	{ "172.31.255.255", false },
	{ "172.32.0.0", true },
	{ "192.0.0.170", false },
	{ "192.0.1.0", true },
	{ "192.0.2.1", false },
	{ "192.0.3.0", true },
	{ "192.88.99.1", false },
	{ "192.167.255.255", true },
	{ "192.168.0.0", false },
	{ "192.168.255.255", false },
	{ "192.169.0.0", true },
	{ "198.17.255.255", true },
	{ "198.18.0.0", false },
	{ "198.19.255.255", false },
	{ "198.20.0.0", true },
	{ "198.51.100.7", false },
	{ "203.0.113.7", false },
	{ "223.255.255.255", true },
	{ "224.0.0.1", false },
	{ "239.255.255.255", false },
	{ "240.0.0.1", false },
	{ "255.255.255.255", false },
	{ "8.8.8.8", true },

	{ "::", false },
	{ "::1", false },
	{ "::8.8.8.8", false },	       /* compatible form, long withdrawn */
	{ "::ffff:0:8.8.8.8", false }, /* translated form */
	{ "100::1", false },	       /* discard */
	{ "1fff:ffff::1", false },
	{ "2000::1", true },
	{ "2001::1", false },	 /* Teredo */
	{ "2001:2::1", false },	 /* benchmarking */
	{ "2001:20::1", false }, /* ORCHID */
	{ "2001:1ff:ffff::1", false },
	{ "2001:200::1", true },
	{ "2001:db7:ffff::1", true },
	{ "2001:db8::1", false }, /* documentation */
	{ "2001:db9::1", true },
	{ "2606:4700::1111", true },
	{ "3ffe:ffff::1", true },
	{ "3fff::1", false }, /* documentation */
	{ "3fff:fff:ffff::1", false },
	{ "3fff:1000::1", true },
	{ "4000::1", false },
	{ "5f00::1", false },
	{ "fc00::1", false },
	{ "fdff::1", false },
	{ "fe80::1", false },
	{ "fec0::1", false },
	{ "ff02::1", false },

	/* IPv4 inside IPv6 is judged as the IPv4 */
	{ "::ffff:127.0.0.1", false },
	{ "::ffff:10.1.2.3", false },
	{ "::ffff:169.254.169.254", false },
	{ "::ffff:8.8.8.8", true },
	{ "64:ff9b::127.0.0.1", false },
	{ "64:ff9b::10.0.0.1", false },
	{ "64:ff9b::8.8.8.8", true },
	{ "64:ff9b::1:8.8.8.8", false }, /* not the /96 */
	{ "64:ff9b:1::8.8.8.8", false }, /* local-use NAT64 */
	{ "2002:7f00:1::1", false },	 /* 6to4 of 127.0.0.1 */
	{ "2002:c0a8:101::1", false },	 /* 6to4 of 192.168.1.1 */
	{ "2002:808:808::1", true },	 /* 6to4 of 8.8.8.8 */
};

static void judges_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		if (permits("", addresses[i].address) != addresses[i].ok)
			fail_msg("%s should be %s", addresses[i].address,
				 addresses[i].ok ? "permitted" : "refused");
}

static void heeds_the_list(void **state)
{
	static const struct {
		const char *list, *address;
		bool permitted, listed;
	} rows[] = {
		{ "10.0.0.0/8", "10.1.2.3", true, true },
		{ "10.0.0.0/8", "11.1.2.3", true, false },
		{ "10.0.0.0/8", "192.168.0.1", false, false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true, true },
		{ "10.0.0.0/8", "64:ff9b::10.1.2.3", true, false },
		{ "10.0.0.0/8", "2002:a01:203::1", true, false },
		{ "192.168.7.9", "192.168.7.9", true, true },
		{ "192.168.7.9", "192.168.7.8", false, false },
		{ "192.168.7.9/32", "192.168.7.8", false, false },
		{ "172.16.0.0/13", "172.23.255.255", true, true },
		{ "172.16.0.0/13", "172.24.0.0", false, false },
		{ " 10.9.9.9 , fd00::/8 ", "fd12::1", true, true },
		{ " 10.9.9.9 , fd00::/8 ", "fc12::1", false, false },
		{ "::1", "::1", true, true },
		{ "::1", "127.0.0.1", false, false },
		{ "127.0.0.1", "::1", false, false },
		{ "::ffff:127.0.0.0/104", "127.9.9.9", true, true },
		{ "0.0.0.0/0", "127.0.0.1", true, true },
		{ "0.0.0.0/0", "::1", false, false },
		{ "::/0", "::1", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (permits(rows[i].list, rows[i].address) != rows[i].permitted)
			fail_msg("permits(\"%s\", %s)", rows[i].list, rows[i].address);
		if (lists(rows[i].list, rows[i].address) != rows[i].listed)
			fail_msg("lists(\"%s\", %s)", rows[i].list, rows[i].address);
	}
}

static void names_the_bad_entry(void **state)
{
	static const struct {
		const char *list, *bad;
	} rows[] = {
		{ "localhost", "localhost" },
		{ "10.0.0.0/8,10.0.0/8", "10.0.0/8" },
		{ "10.0.0.0/33", "10.0.0.0/33" },
		{ "fd00::/129", "fd00::/129" },
		{ "10.0.0.0/", "10.0.0.0/" },
		{ "10.0.0.0/8/8", "10.0.0.0/8/8" },
		{ "10.0.0.0/-1", "10.0.0.0/-1" },
		{ "10.0.0.0/8,", "" },
		{ ", 10.0.0.0/8", "" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111",
		  "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111" },
	};
	struct netguard guard;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str bad = STR_NULL;

		assert_false(netguard_parse(&guard, str_of(rows[i].list), &bad));
		assert_true(str_eq(bad, str_of(rows[i].bad)));
	}
}

static void is_bounded(void **state)
{
	char list[NETGUARD_MAX_RULES * 8 + 16] = "";
	struct netguard guard;
	struct str bad = STR_NULL;

	(void)state;
	for (size_t i = 0; i < NETGUARD_MAX_RULES; i++)
		memcpy(list + i * 8, i ? ",9.9.9.9" : " 9.9.9.9", 8);
	assert_true(netguard_parse(&guard, str_of(list), &bad));
	assert_int_equal(guard.n, NETGUARD_MAX_RULES);
	memcpy(list + NETGUARD_MAX_RULES * 8, ",7.7.7.7", 9);
	assert_false(netguard_parse(&guard, str_of(list), &bad));
	assert_str_equal(bad, "7.7.7.7");
}

static void refuses_other_families(void **state)
{
	struct sockaddr_un unix_address = { .sun_family = AF_UNIX, .sun_path = "/run/redis.sock" };
	struct netguard guard;
	struct str bad;

	(void)state;
	assert_true(netguard_parse(&guard, STR("0.0.0.0/0,::/0"), &bad));
	assert_false(netguard_permits(&guard, (const struct sockaddr *)&unix_address));
	assert_false(netguard_lists(&guard, (const struct sockaddr *)&unix_address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_addresses),	  cmocka_unit_test(heeds_the_list),
		cmocka_unit_test(names_the_bad_entry),	  cmocka_unit_test(is_bounded),
		cmocka_unit_test(refuses_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
