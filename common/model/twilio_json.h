/* twilio_json.h - what the resources under /2010-04-01 have in common: their dates,
 * their own addresses, their lists, the checks of their parameters.
 *
 * A list is one page:
 *   {"keys":[...],"page":0,"page_size":50,"start":0,"end":1,"uri":...,"first_page_uri":...,
 *    "next_page_uri":null,"previous_page_uri":null}
 * The helper libraries follow next_page_uri until it is null.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/http.h"

enum { TWILIO_PAGE_PRESET = 50, TWILIO_PAGE_SIZE_MAX = 1000, TWILIO_PAGE_LAST = 1000000, TWILIO_BODY_MAX = 8 * 1024 * 1024 };

/* -- reading -- */

struct twilio_page {
	unsigned page;                   /* Page, from 0 */
	unsigned size;                   /* PageSize, cut to what the list can give at once */
	struct str token;                /* PageToken as it came, or STR_NULL */
};

MUST_USE bool twilio_page_or_reply(struct req *req, unsigned size_max, struct twilio_page *out);
/* A sid in the path; anything else is 404. */
MUST_USE bool twilio_sid_or_reply(struct req *req, const char *param, const char prefix[2], struct sid *out);

/* A list's filter from the query; out->value is STR_NULL when it is absent. */
MUST_USE bool twilio_filter_or_reply(struct req *req, const char *name, size_t max, struct form_field *out);

/* Parameters: absent leaves *out alone and is fine; a wrong one is answered naming it.
 * They are borrowed from the form. */
MUST_USE bool twilio_text_or_reply(struct req *req, const struct form *form, const char *name, size_t max, struct str *out);
MUST_USE bool twilio_url_or_reply(struct req *req, const struct form *form, const char *name, struct str *out);   /* "" is fine */
MUST_USE bool twilio_method_or_reply(struct req *req, const struct form *form, const char *name, struct str *out); /* GET or POST */
MUST_USE bool twilio_fault(struct req *req, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);   /* 400; always false */

/* -- writing -- */

struct str twilio_uri(struct arena *arena, struct sid account, const char *collection, struct sid sid);   /* ".../Keys/SK...json" */
struct str twilio_account_uri(struct arena *arena, struct sid account);
void twilio_date(struct json_writer *w, struct arena *arena, const char *name, uint64_t wall_ms);   /* 0: null */
void twilio_str(struct json_writer *w, const char *name, struct str s);   /* empty: null */

struct twilio_list {
	const char *collection;          /* in the path: "Keys" */
	const char *records;             /* the array's name: "keys" */
	struct sid account;              /* not set: the collection is nobody's */
	struct twilio_page page;
	const struct form_field *filters;    /* repeated in the addresses of other pages; a value of STR_NULL is left out */
	size_t n_filters;
};

/* begin, the records, end */
void twilio_list_begin(struct json_writer *w, const struct twilio_list *list);
/* n: records on this page; more: another page follows.  next_token goes into its address as
 * PageToken (STR_NULL: none; Page is there in any case). */
void twilio_list_end(struct json_writer *w, struct arena *arena, const struct twilio_list *list, size_t n, bool more,
                     struct str next_token);
