/* account_number.c - the settings of an account that are numbers: their presets and bounds. */
#include "common/base/json.h"
#include "common/model/account.h"

static const struct account_number {
	const char *name;
	uint64_t preset, most;
} numbers[] = {
	{ "close_grace_ms", CLOSE_GRACE_PRESET_MS, CLOSE_GRACE_MAX_MS },
	{ "ring_proof_ms", RING_PROOF_PRESET_MS, RING_PROOF_MAX_MS },
	{ "away_after_missed", 0, AWAY_AFTER_MAX },
};

static const struct account_number *find(const char *name)
{
	size_t i = 0;

	while (strcmp(numbers[i].name, name) != 0) {
		i++;
		INVARIANT(i < ARRAY_LEN(numbers));
	}
	return &numbers[i];
}

uint64_t account_number_preset(const char *name)
{
	return find(name)->preset;
}

bool account_number_read(const struct json *from, const char *name, uint64_t *number,
			 struct json_fault *fault)
{
	int64_t value = (int64_t)*number;

	if (!json_get_int(from, name, JSON_OPTIONAL, 0, (int64_t)find(name)->most, &value, fault))
		return false;
	*number = (uint64_t)value;
	return true;
}
