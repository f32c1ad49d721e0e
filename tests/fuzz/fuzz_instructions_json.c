/* fuzz_instructions_json.c - any bytes as instructions in JSON. */
#include "tests/fuzz/instructions_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_instructions(STR("application/json"), str_n((const char *)data, size));
	return 0;
}
