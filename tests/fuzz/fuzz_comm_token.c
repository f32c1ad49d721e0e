/* fuzz_comm_token.c - communication tokens as they arrive, and sealed text of any content.
 *
 * Input that starts with "!" is sealed here as a token's content; anything else
 * is a token's text.  What opens has to be what can be made.
 */
#include "common/model/comm_token.h"

#define HOST "ND00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_result(const struct seal *seal, const struct comm_token *token)
{
	struct comm_token again;
	struct sid parsed;
	struct buf text;

	INVARIANT(sid_parse(sid_str(&token->leg), "CA", &parsed));
	INVARIANT(sid_parse(sid_str(&token->account), "AC", &parsed));
	INVARIANT(sid_parse(sid_str(&token->device), "DV", &parsed));
	buf_init(&text, COMM_TOKEN_MAX);
	comm_token_make(seal, STR(HOST), token, &text);
	INVARIANT(comm_token_open(seal, buf_str(&text), &again));
	INVARIANT(sid_eq(again.leg, token->leg) && sid_eq(again.account, token->account));
	INVARIANT(sid_eq(again.device, token->device) && again.attempt == token->attempt);
	INVARIANT(again.expires_at_ms == token->expires_at_ms);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seal *seal = seal_new(STR("cluster-secret-0123456789abcdef01"), STR_NULL);
	struct str text = str_n((const char *)data, size);
	struct comm_token token;
	struct buf forged;

	buf_init(&forged, 1 << 20);
	if (str_starts(text, STR("!"))) {
		buf_puts(&forged, "CT1." HOST ".");
		seal_text(seal, "communication token " HOST, STR(HOST), str_skip(text, 1), &forged);
		text = buf_str(&forged);
	}
	if (comm_token_open(seal, text, &token))
		check_result(seal, &token);
	buf_fini(&forged);
	seal_free(seal);
	return 0;
}
