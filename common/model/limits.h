/* limits.h - how much one address, account or identity may ask of this worker per second.
 *
 * Each event loop counts for itself (rate.h), so an account that spreads over loops and
 * instances gets as many times the rate.  What is counted is kept in a table of bounded
 * size; when that is full, who was silent longest is forgotten, and so begins afresh.
 *
 * Credentials that were refused are counted apart, by address: who has too many of them is
 * told to wait before the next are looked at.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/http.h"

enum limit { LIMIT_ADDRESS, LIMIT_FAILURES, LIMIT_ACCOUNT, LIMIT_IDENTITY };

struct settings;
struct limits;                           /* one per worker */

struct limits *limits_new(const struct settings *settings);
struct limits *limits_free(struct limits *limits);       /* NULL is fine; returns NULL */

/* One more of whom it is about: an address; an account; an account and an identity.
 * 0: it may; else nothing is counted, and it may in so many ms. */
uint64_t limits_take(struct limits *limits, enum limit limit, struct str who, struct str identity);
uint64_t limits_wait_ms(struct limits *limits, enum limit limit, struct str who, struct str identity);  /* counts nothing */

/* Channels that an account holds on this worker: false when it holds as many as it may. */
MUST_USE bool limits_hold(struct limits *limits, struct sid account);
void limits_let_go(struct limits *limits, struct sid account);

void limits_note_failure(struct flow *flow);     /* flow->asker's credentials were refused */

/* For requests: the address may ask once more; 429 with Retry-After otherwise. */
MUST_USE bool limits_address_or_reply(struct req *req);          /* sets flow->asker */
/* The same for an account, and for one of its identities (STR_NULL: a server of the account). */
MUST_USE bool limits_account_or_reply(struct req *req, struct sid account, struct str identity);
void reply_retry_after(struct req *req, enum err err, uint64_t wait_ms, const char *why);       /* in seconds, rounded up */
