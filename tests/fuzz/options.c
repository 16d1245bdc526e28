/* SPDX-License-Identifier: MIT */
/* The kernel's command line, as the manager reads it. */
/* Counted elsewhere: vmm/manager/log/log_names.c vmm/manager/text/ */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/config/options.c"
#include "vmm/manager/log/log_names.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"

static void report(void *context, const char *problem)
{
	(void)context;
	for (; *problem != '\0'; problem++)
		CHECK_THAT(char_is_printable(*problem));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct options options;
	char *line = malloc(size + 1);

	memcpy(line, bytes, size);
	line[size] = '\0';
	options_parse(&options, line, report, NULL);
	CHECK_THAT(strnlen(options.config, sizeof(options.config)) < sizeof(options.config));
	CHECK_THAT(strnlen(options.run, sizeof(options.run)) < sizeof(options.run));
	CHECK_THAT(options.console == 1 || options.console == 2);
	free(line);
	return 0;
}
