/* read_instructions.c - the reader of instructions for tests: a document a line in, a verdict a line out.
 *
 *     accepted 0                                   (how many warnings)
 *     accepted 1 Say: unknown attribute pitch      (and the first of them)
 *     DOC_DIAL instructions[0]: names nobody to dial
 *
 * JSON, or TwiML with --twiml.  With --fields: what it knows, "Dial callerId caller_id" each line, - where a form has no name for it.
 */
#include <stdio.h>

#include "common/model/instructions_build.h"

enum { LINE_MAX_BYTES = INSTRUCTIONS_MAX + 2 };

static void judge(struct str content_type, struct str text)
{
	struct arena *arena = arena_new(8 << 20);
	struct instructions out;
	struct instruction_note why;
	const enum err err = instructions_parse(arena, content_type, text, &out, &why);
	char *said = err ? why.text : out.warnings[0].text;

	for (char *c = said; *c; c++) { /* it may quote one */
		if (*c == '\n')
			*c = ' ';
	}
	if (err)
		printf("%s %s\n", err_name(err), said);
	else
		printf("accepted %zu %s\n", out.n_warnings, said);
	arena_free(arena);
}

static void list(const char *element, const char *whom, struct field_set set)
{
	printf("%s - %s\n", element, whom);
	for (size_t i = 0; i < set.n; i++)
		printf("%s %s %s\n", element, set.fields[i].twiml ? set.fields[i].twiml : "-",
		       set.fields[i].json ? set.fields[i].json : "-");
}

static int list_all(void)
{
	for (size_t i = 0; verb_by_number(i); i++) {
		if (!verb_by_number(i)->is_missing)
			list(verb_by_number(i)->twiml, "-", verb_by_number(i)->fields);
	}
	for (size_t i = 0; target_by_number(i); i++)
		list(target_by_number(i)->twiml, target_by_number(i)->json, target_by_number(i)->fields);
	return 0;
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];

	const char *mode = argc > 1 ? argv[1] : "--json";
	const bool is_twiml = strcmp(mode, "--twiml") == 0;

	if (strcmp(mode, "--fields") == 0)
		return list_all();
	while (fgets(line, sizeof(line), stdin))
		judge(is_twiml ? STR("text/xml") : STR("application/json"), str_trim(str_of(line)));
	return 0;
}
