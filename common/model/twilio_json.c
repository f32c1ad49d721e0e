/* twilio_json.c - shapes and checks that all resources under /2010-04-01 share. */
#include "common/model/twilio_json.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/io/url.h"

enum { URI_MAX = 16 * 1024 };

/* reading */

bool twilio_fault(struct req *req, const char *field, const char *fmt, ...)
{
	struct json_fault fault = { .missing = false };
	va_list ap;

	snprintf(fault.field, sizeof(fault.field), "%s", field);
	va_start(ap, fmt);
	vsnprintf(fault.why, sizeof(fault.why), fmt, ap);
	va_end(ap);
	reply_fault(req, &fault);
	return false;
}

static bool number_or_reply(struct req *req, const char *name, uint64_t min, uint64_t max, unsigned *out)
{
	const struct str text = req_query(req, name);
	uint64_t value = 0;

	if (str_is_null(text))
		return true;
	if (!str_to_u64(text, &value) || value < min || value > max)
		return twilio_fault(req, name, "has to be a number from %u to %u", (unsigned)min,
				    (unsigned)max);
	*out = (unsigned)value;
	return true;
}

bool twilio_page_or_reply(struct req *req, unsigned size_max, struct twilio_page *out)
{
	*out = (struct twilio_page){ .size = TWILIO_PAGE_PRESET, .token = req_query(req, "PageToken") };
	if (!number_or_reply(req, "Page", 0, TWILIO_PAGE_LAST, &out->page) ||
	    !number_or_reply(req, "PageSize", 1, TWILIO_PAGE_SIZE_MAX, &out->size))
		return false;
	out->size = MIN(out->size, size_max);
	return true;
}

bool twilio_sid_or_reply(struct req *req, const char *param, const char prefix[2], struct sid *out)
{
	if (sid_parse(req_param(req, param), prefix, out))
		return true;
	reply_error(req, ERR_NOT_FOUND, "");
	return false;
}

static bool is_short_text(struct req *req, const char *name, struct str text, size_t max)
{
	if (text.n <= max && !str_has_ctl(text))
		return true;
	return twilio_fault(req, name, "has to be text of at most %zu bytes", max);
}

bool twilio_filter_or_reply(struct req *req, const char *name, size_t max, struct form_field *out)
{
	out->name = str_of(name);
	out->value = req_query(req, name);
	return is_short_text(req, name, out->value, max);
}

bool twilio_text_or_reply(struct req *req, const struct form *form, const char *name, size_t max,
			  struct str *out)
{
	const struct str text = form_get(form, name);

	if (str_is_null(text))
		return true;
	*out = text;
	return is_short_text(req, name, text, max);
}

bool twilio_url_or_reply(struct req *req, const struct form *form, const char *name, struct str *out)
{
	const struct str url = form_get(form, name);

	if (str_is_null(url))
		return true;
	if (url.n > 0 && !url_is_http(req_arena(req), url)) {
		reply_error(req, ERR_BAD_URL, "%s is not a valid http or https URL of at most %d bytes", name,
			    URL_MAX);
		return false;
	}
	*out = url;
	return true;
}

bool twilio_method_or_reply(struct req *req, const struct form *form, const char *name, struct str *out)
{
	const struct str method = form_get(form, name);

	if (str_is_null(method))
		return true;
	if (str_eq_nocase(method, STR("GET")))
		*out = STR("GET");
	else if (str_eq_nocase(method, STR("POST")))
		*out = STR("POST");
	else
		return twilio_fault(req, name, "has to be GET or POST");
	return true;
}

/* writing */

struct str twilio_uri(struct arena *arena, struct sid account, const char *collection, struct sid sid)
{
	return arena_printf(arena, "/2010-04-01/Accounts/%s/%s/%s.json", account.s, collection, sid.s);
}

struct str twilio_account_uri(struct arena *arena, struct sid account)
{
	return arena_printf(arena, "/2010-04-01/Accounts/%s.json", account.s);
}

void twilio_date(struct json_writer *w, struct arena *arena, const char *name, uint64_t wall_ms)
{
	json_str(w, name, wall_ms ? clock_rfc2822(arena, wall_ms) : STR_NULL);
}

void twilio_str(struct json_writer *w, const char *name, struct str s)
{
	json_str(w, name, s.n > 0 ? s : STR_NULL);
}

static void page_uri(struct json_writer *w, struct arena *arena, const char *name,
		     const struct twilio_list *list, unsigned page, struct str token)
{
	struct buf uri;

	buf_init(&uri, URI_MAX);
	if (sid_is_set(list->account))
		buf_printf(&uri, "/2010-04-01/Accounts/%s/%s.json?", list->account.s, list->collection);
	else
		buf_printf(&uri, "/2010-04-01/%s.json?", list->collection);
	for (size_t i = 0; i < list->n_filters; i++) {
		if (str_is_null(list->filters[i].value))
			continue;
		buf_put_urlencoded(&uri, list->filters[i].name);
		buf_putc(&uri, '=');
		buf_put_urlencoded(&uri, list->filters[i].value);
		buf_putc(&uri, '&');
	}
	buf_printf(&uri, "PageSize=%u&Page=%u", list->page.size, page);
	if (!str_is_null(token)) {
		buf_puts(&uri, "&PageToken=");
		buf_put_urlencoded(&uri, token);
	}
	json_str(w, name, arena_copy(arena, buf_str(&uri)));
	buf_fini(&uri);
}

void twilio_list_begin(struct json_writer *w, const struct twilio_list *list)
{
	json_object(w);
	json_name(w, list->records);
	json_array(w);
}

void twilio_list_end(struct json_writer *w, struct arena *arena, const struct twilio_list *list, size_t n,
		     bool more, struct str next_token)
{
	const struct twilio_page *page = &list->page;
	const int64_t start = (int64_t)page->page * page->size;

	json_array_end(w);
	json_int(w, "page", page->page);
	json_int(w, "page_size", page->size);
	json_int(w, "start", start);
	json_int(w, "end", n > 0 ? start + (int64_t)n - 1 : start);
	page_uri(w, arena, "uri", list, page->page, page->token);
	page_uri(w, arena, "first_page_uri", list, 0, STR_NULL);
	if (more)
		page_uri(w, arena, "next_page_uri", list, page->page + 1, next_token);
	else
		json_str(w, "next_page_uri", STR_NULL);
	/* The page before is known by its number only: a token leads forward. */
	if (page->page > 0 && str_is_null(page->token))
		page_uri(w, arena, "previous_page_uri", list, page->page - 1, STR_NULL);
	else
		json_str(w, "previous_page_uri", STR_NULL);
	json_object_end(w);
}
