/* account_number.c - the settings of an account that are numbers: their presets and bounds. */
#include "common/base/json.h"
#include "common/model/account.h"

static const struct account_number {
	const char *name;
	uint64_t preset, least, most;
} numbers[] = {
	{ "close_grace_ms", CLOSE_GRACE_PRESET_MS, 0, CLOSE_GRACE_MAX_MS },
	{ "ring_proof_ms", RING_PROOF_PRESET_MS, 0, RING_PROOF_MAX_MS },
	{ "away_after_missed", 0, 0, AWAY_AFTER_MAX },
	{ "wake_hold_s", WAKE_HOLD_PRESET_S, 1, WAKE_HOLD_MAX_S },
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
	const struct account_number *bounds = find(name);
	int64_t value = (int64_t)*number;

	if (!json_get_int(from, name, JSON_OPTIONAL, (int64_t)bounds->least, (int64_t)bounds->most, &value,
			  fault))
		return false;
	*number = (uint64_t)value;
	return true;
}
