/* device_id.c - see device_id.h. */
#include "common/model/device_id.h"

#include "common/base/crypto.h"

enum {
	RANDOM_LEN = 8,
	MAC_LEN = 8,
	RANDOM_DIGITS = 2 * RANDOM_LEN,
	TEXT_MAX = SID_LEN + RANDOM_DIGITS + 256
};

static const char purpose[] = "device-id";

/* account, the id's random digits, identity: the first two have fixed lengths */
static struct str text_of(char space[TEXT_MAX], struct sid device, struct sid account, struct str identity)
{
	INVARIANT(identity.n <= TEXT_MAX - SID_LEN - RANDOM_DIGITS);
	memcpy(space, account.s, SID_LEN);
	memcpy(space + SID_LEN, device.s + 2, RANDOM_DIGITS);
	memcpy(space + SID_LEN + RANDOM_DIGITS, identity.p, identity.n);
	return str_n(space, SID_LEN + RANDOM_DIGITS + identity.n);
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); /* a sid's digits are lower-case */
}

struct sid device_id_new(const struct seal *seal, struct sid account, struct str identity)
{
	struct sid device = sid_new("DV");
	char space[TEXT_MAX];
	uint8_t mac[MAC_LEN];

	seal_mac(seal, purpose, text_of(space, device, account, identity), mac, sizeof(mac));
	crypto_hex(str_n((const char *)mac, sizeof(mac)), device.s + 2 + RANDOM_DIGITS);
	return device;
}

bool device_id_is_of(const struct seal *seal, struct sid device, struct sid account, struct str identity)
{
	char space[TEXT_MAX];
	uint8_t mac[MAC_LEN];

	for (size_t i = 0; i < MAC_LEN; i++) {
		const char *digits = device.s + 2 + RANDOM_DIGITS + 2 * i;

		mac[i] = (uint8_t)(digit(digits[0]) << 4 | digit(digits[1]));
	}
	return seal_mac_is(seal, purpose, text_of(space, device, account, identity), mac, sizeof(mac));
}
