/* SPDX-License-Identifier: MIT */
/*
 * Finds the command that was probably meant: the one that the typed words reach with the fewest
 * typing mistakes. Called by command.c; holds no state.
 */
#include "vmm/manager/command/command_near.h"
#include "vmm/manager/command/command.h"
#include "vmm/rt/format.h"

#define NAME_MAX     24u
#define MISTAKES_MAX 2u

/*
 * Returns the number of letters that are missing, too many, wrong or swapped with the next: the
 * distance of Damerau and Levenshtein, in which no letter is changed twice.
 */
static u32 command_near_mistakes(const char *a, const char *b)
{
	/* rows of the table for the last two letters of `a` and for the present letter */
	u32 row[3][NAME_MAX + 1];
	u32 length = (u32)strlen(b);

	if (strlen(a) > NAME_MAX || length > NAME_MAX)
		return ~0u;
	for (u32 j = 0; j <= length; j++)
		row[0][j] = j;
	for (u32 i = 1; a[i - 1] != '\0'; i++) {
		u32 *now = row[i % 3];
		const u32 *last = row[(i + 2) % 3];

		now[0] = i;
		for (u32 j = 1; j <= length; j++) {
			u32 wrong = a[i - 1] != b[j - 1];

			now[j] = MIN(last[j - 1] + wrong, MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], row[(i + 1) % 3][j - 2] + 1);
		}
	}
	return row[strlen(a) % 3][length];
}

const char *command_near(const char *first, const char *second)
{
	const char *best = NULL;
	u32 fewest = MISTAKES_MAX + 1;
	char typed[2 * NAME_MAX];

	if (strlen(first) + strlen(second) > NAME_MAX)
		return NULL;
	format(typed, sizeof(typed), "%s%s%s", first, second[0] != '\0' ? " " : "", second);
	COMMAND_FOR_EACH(command) {
		bool two = strchr(command->name, ' ') != NULL;
		u32 count = command_near_mistakes(two ? typed : first, command->name);

		/* a name with more mistakes than a third of its length is another name */
		if (count < fewest && 3 * (size_t)count <= strlen(command->name)) {
			fewest = count;
			best = command->name;
		}
	}
	return best;
}
