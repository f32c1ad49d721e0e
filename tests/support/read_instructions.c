/* read_instructions.c - the reader of instructions for tests: a JSON document a line in, a verdict a line out.
 *
 *     accepted 0                                   (how many warnings)
 *     DOC_DIAL instructions[0]: names nobody to dial
 *
 * With --fields: what it knows, "Dial callerId caller_id" each line, - where a form has no name for it.
 */
#include <stdio.h>

#include "common/model/instructions_build.h"

enum { LINE_MAX_BYTES = INSTRUCTIONS_MAX + 2 };

static void judge(struct str text)
{
	struct arena *arena = arena_new(8 << 20);
	struct instructions out;
	struct instruction_note why;
	const enum err err = instructions_parse(arena, STR("application/json"), text, &out, &why);

	for (char *c = why.text; *c; c++) { /* it may quote one */
		if (*c == '\n')
			*c = ' ';
	}
	if (err == ERR_NONE)
		printf("accepted %zu\n", out.n_warnings);
	else
		printf("%s %s\n", err_name(err), why.text);
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

	if (argc > 1)
		return strcmp(argv[1], "--fields") == 0 ? list_all() : 2;
	while (fgets(line, sizeof(line), stdin))
		judge(str_trim(str_of(line)));
	return 0;
}
