/* fuzz_instructions_twiml.c - any bytes as a TwiML document. */
#include "tests/fuzz/instructions_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_instructions(STR("text/xml"), str_n((const char *)data, size));
	return 0;
}
