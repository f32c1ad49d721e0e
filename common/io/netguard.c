/* netguard.c - the table of special nets (IANA special-purpose registries) and the rules over it.
 *
 * An address is first brought into one form of 16 bytes, IPv4 as mapped.  The
 * operator's list decides first; then the net: of IPv6 only the global unicast
 * block 2000::/3 is ever permitted, of IPv4 everything that is not special.
 */
#include "common/io/netguard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { V4_BITS_BEFORE = 96 };

struct addr {
	uint8_t b[16];
};

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const uint8_t nat64_prefix[12] = { 0x00, 0x64, 0xff, 0x9b };
static const uint8_t sixtofour_prefix[2] = { 0x20, 0x02 };
static const uint8_t global_unicast[1] = { 0x20 };

static const struct {
	uint8_t net[4];
	unsigned bits;
} special_v4[] = {
	{ { 0, 0, 0, 0 }, 8 },	     /* "this network"; 0.0.0.0 reaches the host itself */
	{ { 10, 0, 0, 0 }, 8 },	     /* private */
	{ { 100, 64, 0, 0 }, 10 },   /* carrier-grade NAT */
	{ { 127, 0, 0, 0 }, 8 },     /* loopback */
	{ { 169, 254, 0, 0 }, 16 },  /* link-local, cloud metadata */
	{ { 172, 16, 0, 0 }, 12 },   /* private */
	{ { 192, 0, 0, 0 }, 24 },    /* protocol assignments */
	{ { 192, 0, 2, 0 }, 24 },    /* documentation */
	{ { 192, 88, 99, 0 }, 24 },  /* 6to4 relays */
	{ { 192, 168, 0, 0 }, 16 },  /* private */
	{ { 198, 18, 0, 0 }, 15 },   /* benchmarking */
	{ { 198, 51, 100, 0 }, 24 }, /* documentation */
	{ { 203, 0, 113, 0 }, 24 },  /* documentation */
	{ { 224, 0, 0, 0 }, 4 },     /* multicast */
	{ { 240, 0, 0, 0 }, 4 },     /* reserved, broadcast */
};

static const struct {
	uint8_t net[4];
	unsigned bits;
} special_v6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* protocol assignments: Teredo, benchmarking, ORCHID */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x3f, 0xff, 0x00, 0x00 }, 20 }, /* documentation */
};

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static struct addr mapped(const uint8_t v4[4])
{
	struct addr out;

	memcpy(out.b, mapped_prefix, 12);
	memcpy(out.b + 12, v4, 4);
	return out;
}

static bool addr_of(const struct sockaddr *address, struct addr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		*out = mapped((const uint8_t *)&in.sin_addr);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		memcpy(out->b, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

/* The IPv4 address that an IPv6 one stands for, as mapped. */
static bool v4_inside(const struct addr *addr, struct addr *inside)
{
	if (same_prefix(addr->b, mapped_prefix, 96) || same_prefix(addr->b, nat64_prefix, 96))
		*inside = mapped(addr->b + 12);
	else if (same_prefix(addr->b, sixtofour_prefix, 16))
		*inside = mapped(addr->b + 2);
	else
		return false;
	return true;
}

static bool is_public_v4(const uint8_t v4[4])
{
	for (size_t i = 0; i < ARRAY_LEN(special_v4); i++)
		if (same_prefix(v4, special_v4[i].net, special_v4[i].bits))
			return false;
	return true;
}

static bool is_public_v6(const uint8_t v6[16])
{
	for (size_t i = 0; i < ARRAY_LEN(special_v6); i++)
		if (same_prefix(v6, special_v6[i].net, special_v6[i].bits))
			return false;
	return same_prefix(v6, global_unicast, 3);
}

static bool on_list(const struct netguard *guard, const struct addr *addr)
{
	for (size_t i = 0; i < guard->n; i++)
		if (same_prefix(addr->b, guard->allow[i].addr, guard->allow[i].bits))
			return true;
	return false;
}

bool netguard_permits(const struct netguard *guard, const struct sockaddr *address)
{
	struct addr addr, inside;

	if (!addr_of(address, &addr))
		return false;
	if (on_list(guard, &addr))
		return true;
	if (v4_inside(&addr, &inside))
		return on_list(guard, &inside) || is_public_v4(inside.b + 12);
	return is_public_v6(addr.b);
}

/* Taken literally: whoever comes from a 6to4 address is not the IPv4 host named in it. */
bool netguard_lists(const struct netguard *guard, const struct sockaddr *address)
{
	struct addr addr;

	return addr_of(address, &addr) && on_list(guard, &addr);
}

static bool parse_rule(struct str entry, struct addr *addr, unsigned *bits)
{
	struct str number;
	struct in_addr v4;
	struct in6_addr v6;
	uint64_t given;
	unsigned before = 0;
	char text[INET6_ADDRSTRLEN];

	if (!str_split(&entry, '/', &number) || !str_copy(number, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		*addr = mapped((const uint8_t *)&v4);
		before = V4_BITS_BEFORE;
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		memcpy(addr->b, &v6, 16);
	} else {
		return false;
	}

	*bits = 128;
	if (str_is_null(entry))
		return true;
	if (!str_to_u64(entry, &given) || given > 128 - before)
		return false;
	*bits = before + (unsigned)given;
	return true;
}

bool netguard_parse(struct netguard *guard, struct str list, struct str *bad)
{
	struct str entry;

	*guard = (struct netguard){ .n = 0 };
	list = str_trim(list);
	if (list.n == 0)
		return true;

	while (str_split(&list, ',', &entry)) {
		struct addr addr;
		unsigned bits;

		entry = str_trim(entry);
		if (guard->n == NETGUARD_MAX_RULES || !parse_rule(entry, &addr, &bits)) {
			*bad = entry;
			return false;
		}
		memcpy(guard->allow[guard->n].addr, addr.b, 16);
		guard->allow[guard->n++].bits = bits;
	}
	return true;
}
