/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the key `backup` of a VM: `backup = spare every 24h chain 7 keep 4`. Called by
 * config_keys.c and config_text.c; holds no state.
 */
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

static bool config_backup_number(struct text text, u64 most, u64 *number)
{
	return *number == 0 && parse_u64(text, number) && *number >= 1 && *number <= most;
}

/* Reads the value of one of the words every, chain and keep, each of which may be given once. */
static bool config_backup_take(struct text word, struct text value, struct backup_plan *plan)
{
	if (text_equal(word, "every"))
		return plan->every_ns == 0 && parse_duration(value, &plan->every_ns) &&
		       plan->every_ns >= BACKUP_EVERY_MIN_NS &&
		       plan->every_ns <= BACKUP_EVERY_MAX_NS;
	if (text_equal(word, "chain"))
		return config_backup_number(value, BACKUP_CHAIN_MAX, &plan->chain);
	return text_equal(word, "keep") &&
	       config_backup_number(value, BACKUP_KEEP_MAX, &plan->keep);
}

bool config_parse_backup(struct text text, struct backup_plan *plan)
{
	struct text word;
	struct text value;

	*plan = (struct backup_plan){.every_ns = 0};
	if (text_equal(text, "none"))
		return true;
	if (!text_next_word(&text, &word) || !config_name_valid(word) ||
	    !text_copy(plan->store, sizeof(plan->store), word))
		return false;
	while (text_next_word(&text, &word)) {
		if (!text_next_word(&text, &value) || !config_backup_take(word, value, plan))
			return false;
	}
	if (plan->chain == 0)
		plan->chain = BACKUP_CHAIN_DEFAULT;
	if (plan->keep == 0)
		plan->keep = BACKUP_KEEP_DEFAULT;
	return plan->every_ns != 0;
}

void config_backup_text(const struct backup_plan *plan, char *buffer, size_t size)
{
	static const struct {
		const char *name;
		u64 factor;
	} units[] = {{"d", 86400 * NS_PER_S},
		     {"h", 3600 * NS_PER_S},
		     {"m", 60 * NS_PER_S},
		     {"s", NS_PER_S},
		     {"ns", 1}};
	u32 i = 0;

	buffer[0] = '\0';
	if (plan->store[0] == '\0')
		return;
	while (plan->every_ns % units[i].factor != 0)
		i++;
	format(buffer, size, "%s every %llu%s chain %llu keep %llu", plan->store,
	       (unsigned long long)(plan->every_ns / units[i].factor), units[i].name,
	       (unsigned long long)plan->chain, (unsigned long long)plan->keep);
}
