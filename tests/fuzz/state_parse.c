/* SPDX-License-Identifier: MIT */
/*
 * Saved states as bytes, with the checksums that fit half of the time: the parser stays within
 * them, and what it lets pass can be walked from the first record to the last.
 */
/* Counted elsewhere: vmm/monitor/irqchip/ vmm/monitor/dev/ */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/monitor/state/problem.c"
#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.c"
#include "vmm/rt/format.c"
#include "tests/unit/state_reseal.h"

#define INPUT_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	u8 *copy;
	struct state_problem problem;
	char text[128];
	u64 count = 0;
	bool reseal = size > 0 && (bytes[0] & 1) != 0;

	if (size > INPUT_MAX || size == 0)
		return 0;
	/* a block as long as the state, so that ASan sees a read of one byte too many */
	copy = malloc(size - 1);
	CHECK_THAT(copy != NULL || size == 1);
	memcpy(copy, bytes + 1, size - 1);
	if (reseal)
		state_reseal(copy, size - 1);
	if (state_parse(copy, size - 1, &problem)) {
		for (const struct state_record *record = state_first(copy); record != NULL;
		     record = state_next(record)) {
			CHECK_THAT(record->sequence == count++);
			CHECK_THAT((const u8 *)record + state_record_bytes(record->length) <=
				   copy + size - 1);
		}
		CHECK_THAT(state_find(copy, STATE_END, 0) != NULL);
	} else {
		state_problem_text(&problem, text, sizeof(text));
		CHECK_THAT(text[0] != '\0' && strlen(text) < sizeof(text) - 1);
	}
	free(copy);
	return 0;
}
