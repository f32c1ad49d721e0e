/* netguard.h - is this address one that customers' URLs may reach?  Pure.
 *
 * The public internet, plus the operator's own CIDRs.  Everything special is
 * refused: loopback, private, link-local, CGNAT, multicast, 0/8, benchmarking and
 * documentation nets, unique-local, and IPv4 wrapped in IPv6 (mapped, NAT64, 6to4)
 * is judged as the IPv4 inside.  Judged on the resolved address of every
 * connection, so a name that changes its mind gains nothing.
 */
#pragma once

#include <sys/socket.h>

#include "common/base/str.h"

enum { NETGUARD_MAX_RULES = 64 };

struct netguard {
	struct {
		uint8_t addr[16];        /* IPv4 as mapped */
		unsigned bits;           /* of 128 */
	} allow[NETGUARD_MAX_RULES];
	size_t n;
};

/* "10.0.0.0/8,192.168.7.9,fd00::/8"; false with the bad entry in *bad. */
MUST_USE bool netguard_parse(struct netguard *guard, struct str list, struct str *bad);
bool netguard_permits(const struct netguard *guard, const struct sockaddr *address);
bool netguard_lists(const struct netguard *guard, const struct sockaddr *address);   /* only the list counts */
