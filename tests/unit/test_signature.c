/* test_signature.c - the published vector, and signatures made by the npm package twilio 6.2.0. */
#include "common/model/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define FIELD(name, value)                                                                                   \
	{                                                                                                    \
		{ name, sizeof(name) - 1 },                                                                  \
		{                                                                                            \
			value, sizeof(value) - 1                                                             \
		}                                                                                            \
	}

static void assert_signature(const char *expected, const char *url, const struct form_field *fields, size_t n)
{
	char out[SIGNATURE_MAX];

	signature_twilio(STR("12345"), str_of(url), fields, n, out);
	assert_string_equal(out, expected);
}

static void test_published(void **state)
{
	static const struct form_field fields[] = {
		FIELD("To", "+18005551212"),	       FIELD("Digits", "1234"),
		FIELD("From", "+14158675309"),	       FIELD("Caller", "+14158675309"),
		FIELD("CallSid", "CA1234567890ABCDE"),
	};

	(void)state;
	assert_signature("RSOYDt4T1cUTdK1PDd93/VVr8B8=", "https://mycompany.com/myapp.php?foo=1&bar=2",
			 fields, ARRAY_LEN(fields));
}

static void test_get(void **state)
{
	(void)state;
	assert_signature("6ww2fX0+fIJ+RoSMqrY858wGUu8=", "https://example.com/hook?x=1", NULL, 0);
}

/* repeated names, capitals before small letters, an empty value, text that is not ASCII */
static void test_sorted(void **state)
{
	static const struct form_field fields[] = {
		FIELD("b", "2"),
		FIELD("b", "1"),
		FIELD("StatusCallbackEvent", "ringing"),
		FIELD("b", "2"),
		FIELD("a", "\xc3\xbc &"),
		FIELD("B", ""),
		FIELD("StatusCallbackEvent", "answered"),
	};

	(void)state;
	assert_signature("rp4Paq/42DD/nH/dyPEsqWDj+hw=", "https://example.com/hook?x=1", fields,
			 ARRAY_LEN(fields));
}

static void test_other_token(void **state)
{
	char out[SIGNATURE_MAX];

	(void)state;
	signature_twilio(STR("12346"), STR("https://example.com/hook?x=1"), NULL, 0, out);
	assert_string_not_equal(out, "6ww2fX0+fIJ+RoSMqrY858wGUu8=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_other_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
