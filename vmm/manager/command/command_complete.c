/* SPDX-License-Identifier: MIT */
/*
 * Finds the words with which a line could continue. Called by console_complete.c. Only reads: VMs,
 * keys, files and symbols.
 */
#include "vmm/manager/vm/vm_keys.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/inspect/symbols.h"
#include "vmm/manager/command/words.h"
#include "vmm/rt/format.h"

struct offers {
	void (*offer)(void *context, const char *word);
	void *context;
	const char *prefix;
	size_t length;
};

static void command_complete_offer(const struct offers *offers, const char *word)
{
	if (strncmp(word, offers->prefix, offers->length) == 0)
		offers->offer(offers->context, word);
}

/* Offers the next word of each command whose name begins with these `count` words. */
static void command_complete_offer_names(const struct offers *offers, const char *const *words,
					 u32 count)
{
	char name[CONFIG_NAME_BYTES];
	char last[CONFIG_NAME_BYTES] = "";

	COMMAND_FOR_EACH(command) {
		struct text rest = text_of(command->name);
		struct text word = {NULL, 0};
		u32 i = 0;

		while (i < count && text_next_word(&rest, &word) && text_equal(word, words[i]))
			i++;
		/* A word that several neighbouring commands share is offered once. */
		if (i == count && text_next_word(&rest, &word) &&
		    text_copy(name, sizeof(name), word) && !string_equal(name, last)) {
			command_complete_offer(offers, name);
			memcpy(last, name, sizeof(last));
		}
	}
}

/*
 * Offers as completions the words of the list with number `place` in `words`, whose lists are
 * separated by ';'.
 */
static void command_complete_offer_words(const struct offers *offers, const char *lists, u32 place)
{
	struct text rest = text_of(lists);
	struct text list = {NULL, 0};
	struct text word;
	char name[CONFIG_NAME_BYTES];

	for (; place > 0 && rest.length > 0; rest.start++, rest.length--)
		place -= rest.start[0] == ';';
	list.start = rest.start;
	while (place == 0 && list.length < rest.length && rest.start[list.length] != ';')
		list.length++;
	while (text_next_word(&list, &word)) {
		if (text_copy(name, sizeof(name), word))
			command_complete_offer(offers, name);
	}
}

static void command_complete_offer_vms(const struct offers *offers)
{
	VM_FOR_EACH(vm) {
		command_complete_offer(offers, vm->config.name);
	}
}

static void command_complete_offer_snapshots(const struct offers *offers)
{
	char text[2 * CONFIG_NAME_BYTES];

	VM_FOR_EACH(vm) {
		for (u32 i = 0; i < VM_SNAPSHOT_MAX; i++) {
			if (vm->snapshots.list[i].name[0] == '\0')
				continue;
			format(text, sizeof(text), "%s@%s", vm->config.name,
			       vm->snapshots.list[i].name);
			command_complete_offer(offers, text);
		}
	}
}

static void command_complete_offer_log_option(const struct offers *offers, const char *before)
{
	if (string_equal(before, "-l"))
		command_complete_offer_words(offers, "debug info warning error", 0);
	else if (string_equal(before, "-c"))
		command_complete_offer_words(offers, LOG_CATEGORY_WORDS, 0);
	else if (string_equal(before, "-v"))
		command_complete_offer_vms(offers);
	else
		command_complete_offer_words(offers, "-n -l -c -v -s -u -w -f", 0);
}

/*
 * Offers "KEY=" for each key, and behind a typed "KEY=" the choices of the key or the boot files.
 */
static void command_complete_offer_keys(const struct offers *offers, const struct vm *vm)
{
	char text[2 * CONFIG_FILE_BYTES];

	for (const struct config_key *key = config_vm_keys; key->name != NULL; key++) {
		size_t length = format(text, sizeof(text), "%s=", key->name);
		struct text rest = text_of(key->words != NULL ? key->words : "");
		struct text word;

		if (vm != NULL && !vm_keys_can_change(vm, text_of(key->name)))
			continue;
		if (strncmp(text, offers->prefix, length) != 0) {
			command_complete_offer(offers, text);
			continue;
		}
		while (text_next_word(&rest, &word)) {
			format(text + length, sizeof(text) - length, "%.*s", (int)word.length,
			       word.start);
			command_complete_offer(offers, text);
		}
		if (!string_equal(key->name, "kernel") && !string_equal(key->name, "initrd"))
			continue;
		for (u32 i = 0; file_at(i) != NULL; i++) {
			format(text + length, sizeof(text) - length, "%s", file_at(i)->name);
			if (!string_equal(file_at(i)->name, boot_config_name()) &&
			    file_may_be(file_at(i), key->name[0] == 'k'))
				command_complete_offer(offers, text);
		}
	}
}

static void command_complete_offer_symbols(const struct offers *offers)
{
	const struct symbol_table *table = symbols_of(SYMBOLS_KERNEL);

	for (u32 i = 0; table != NULL && i < table->count; i++)
		command_complete_offer(offers, (const char *)&table->symbol[table->count] +
						       table->symbol[i].name);
}

static void command_complete_offer_arguments(const struct offers *offers,
					     const struct command *command,
					     const struct words *words, u32 name_words, u32 done)
{
	/* skip options that stand before the VM's name */
	while (command->completion == COMPLETE_VM && name_words < done &&
	       words->word[name_words][0] == '-')
		name_words++;
	switch ((enum completion)command->completion) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_VM:
		if (done == name_words)
			command_complete_offer_vms(offers);
		break;
	case COMPLETE_VMS:
		command_complete_offer_vms(offers);
		break;
	case COMPLETE_SNAPSHOT:
		if (done == name_words)
			command_complete_offer_snapshots(offers);
		break;
	case COMPLETE_SECTION:
		for (u32 i = 0; i < boot_config()->vm_count && done == name_words; i++)
			command_complete_offer(offers, boot_config()->vm[i].name);
		if (done > name_words)
			command_complete_offer_keys(offers, NULL);
		break;
	case COMPLETE_COMMAND:
		command_complete_offer_names(offers, words->word + name_words, done - name_words);
		break;
	case COMPLETE_WATCH: /* the caller handles the arguments of `watch` */
		break;
	case COMPLETE_WORDS:
		command_complete_offer_words(offers, command->words, done - name_words);
		break;
	case COMPLETE_KEYS:
		if (done == name_words)
			command_complete_offer_vms(offers);
		else
			command_complete_offer_keys(offers, vm_find(words->word[name_words]));
		break;
	case COMPLETE_SYMBOL:
		if (done == name_words)
			command_complete_offer_symbols(offers);
		break;
	case COMPLETE_LOG_OPTION:
		command_complete_offer_log_option(offers,
						  done > name_words ? words->word[done - 1] : "");
		break;
	}
}

/*
 * Offers the completions of a command that begins at word `from` of the line; the words before
 * `done` are complete.
 */
static void command_complete_offer_line(const struct offers *offers, const struct words *words,
					u32 from, u32 done)
{
	u32 name_words;
	const struct command *command = command_find(words->word + from, done - from, &name_words);

	if (command == NULL)
		command_complete_offer_names(offers, words->word + from, done - from);
	else if (command->completion != COMPLETE_WATCH)
		command_complete_offer_arguments(offers, command, words, from + name_words, done);
	else if (done > from + name_words)
		command_complete_offer_line(offers, words, from + name_words + 1, done);
}

size_t command_complete(const char *line, size_t length,
			void (*offer_word)(void *context, const char *word), void *context)
{
	static struct words words;
	char before[LINE_MAX + 1];
	struct offers offers = {.offer = offer_word, .context = context};
	u32 done; /* number of words of the line before the unfinished one */

	memcpy(before, line, length);
	before[length] = '\0';
	words_split(&words, before);
	if (words.problem != NULL)
		return 0;
	done = words.count;
	offers.prefix = "";
	if (length > 0 && !char_is_space(line[length - 1]) && words.count > 0)
		offers.prefix = words.word[--done];
	offers.length = strlen(offers.prefix);
	command_complete_offer_line(&offers, &words, 0, done);
	return offers.length;
}
