/* presence_filter.h - what a list of clients asks for, read from a query string.  Pure.
 *
 *     Prefix=support/&Status=available&Media=video&Ringable=voice&Attribute.skill=billing
 *
 * Everything given has to hold.  Media, Ringable and Attribute.* may be repeated: each narrows.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/urlenc.h"

enum { FILTER_ATTRIBUTES_MAX = 8 };

struct presence_filter {
	struct str prefix;               /* of the name; "" for all */
	struct str status;               /* as it is shown; "" for any */
	unsigned media;                  /* its devices take all of these together; 0 for any */
	unsigned ringable;               /* it can be rung for each of these now; 0 for any */
	struct form_field attributes[FILTER_ATTRIBUTES_MAX];     /* one of its devices has it; name without "Attribute." */
	size_t n_attributes;
};

/* Borrows from the form; parameters of other names are ignored. */
MUST_USE bool presence_filter_read(const struct form *query, struct presence_filter *out, struct json_fault *fault);

/* The same as a query string, "Prefix=support%2F&"; nothing for a filter that takes all. */
void presence_filter_write(struct buf *out, const struct presence_filter *filter);

/* May names start with this?  "" starts all of them. */
bool presence_prefix_is_valid(struct str prefix);
