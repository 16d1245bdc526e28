/* SPDX-License-Identifier: MIT */
/*
 * Reads the quotas of a store: `quota = team-* 64G, web 8G` in its section. Called by
 * config_check.c and disk/store_quota.c; holds no state.
 */
#include "lib/string.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_number.h"

/*
 * Copies the pattern of a quota: a volume's name, the beginning of names followed by a star, or a
 * star alone. Returns false if the word is none of these.
 */
static bool config_quota_pattern(struct text word, char pattern[CONFIG_NAME_BYTES])
{
	struct text name = word;

	if (name.length > 0 && name.start[name.length - 1] == '*')
		name.length--;
	return (name.length == 0 ? word.length == 1 : config_name_valid(name)) &&
	       text_copy(pattern, CONFIG_NAME_BYTES, word);
}

static bool config_quota_take(struct text text, struct store_quota *quota)
{
	struct text pattern;
	struct text bytes;
	struct text more;

	return text_next_word(&text, &pattern) && text_next_word(&text, &bytes) &&
	       !text_next_word(&text, &more) && config_quota_pattern(pattern, quota->pattern) &&
	       parse_size(bytes, &quota->bytes);
}

bool config_store_quota(const struct store_config *store, u32 number, struct store_quota *quota)
{
	struct text rest = text_of(store->quota);
	struct text part;
	bool more;

	*quota = (struct store_quota){.bytes = 0};
	do {
		more = config_split(rest, ',', &part, &rest);
		if (number-- == 0)
			return config_quota_take(part, quota);
	} while (more);
	return false;
}

bool config_quotas_valid(const struct store_config *store)
{
	struct store_quota quota;
	u32 commas = 0;
	u32 count = 0;

	for (const char *at = store->quota; *at != '\0'; at++)
		commas += *at == ',';
	while (count < CONFIG_QUOTA_MAX && config_store_quota(store, count, &quota))
		count++;
	return store->quota[0] == '\0' || count == commas + 1;
}

bool config_quota_is_for(const struct store_quota *quota, const char *name)
{
	size_t length = strlen(quota->pattern);

	if (length > 0 && quota->pattern[length - 1] == '*')
		return strncmp(quota->pattern, name, length - 1) == 0;
	return string_equal(quota->pattern, name);
}
