/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "lib/format.h"
#include "vmm/manager/line_editor.h"
#include "vmm/manager/log.h"
#include "vmm/manager/setup.h"

/* A line cut into words; quotes keep spaces together, a backslash between quotes the next byte. */
struct words {
	u32 count;
	const char *word[COMMAND_WORDS_MAX + 2];
	const char *problem; /* NULL: none */
	char bytes[LINE_MAX + COMMAND_WORDS_MAX + 3];
};

static void split(const char *line, struct words *words)
{
	char *to = words->bytes;
	bool quoted = false;

	words->count = 0;
	words->problem = NULL;
	while (*line != '\0') {
		while (char_is_space(*line))
			line++;
		if (*line == '\0')
			break;
		if (words->count == ARRAY_COUNT(words->word)) {
			words->problem = "found too many words, allowed: 32 arguments";
			return;
		}
		words->word[words->count++] = to;
		for (; *line != '\0' && (quoted || !char_is_space(*line)); line++) {
			if (*line == '"') {
				quoted = !quoted;
				continue;
			}
			if (quoted && *line == '\\' && line[1] != '\0')
				line++;
			*to++ = *line;
		}
		*to++ = '\0';
	}
	if (quoted)
		words->problem = "found a quote that is not closed, allowed: \"...\"";
}

static bool name_matches(const char *name, const char *const *words, u32 count, u32 *name_words)
{
	struct text rest = text_of(name);
	struct text word;
	u32 i = 0;

	for (; text_next_word(&rest, &word); i++) {
		if (i >= count || !text_equal(word, words[i]))
			return false;
	}
	*name_words = i;
	return true;
}

const struct command *command_find(const char *const *words, u32 count, u32 *name_words)
{
	COMMAND_FOR_EACH(command) {
		if (name_matches(command->name, words, count, name_words))
			return command;
	}
	return NULL;
}

/* Lists what would be right: the commands of that first word, or the way to all of them. */
static void unknown(struct reply *reply, const struct words *words)
{
	char shown[2][40];
	char list[512];
	size_t first = strlen(words->word[0]);
	size_t length = 0;

	text_show(shown[0], sizeof(shown[0]), text_of(words->word[0]));
	text_show(shown[1], sizeof(shown[1]), text_of(words->count > 1 ? words->word[1] : ""));
	list[0] = '\0';
	COMMAND_FOR_EACH(command) {
		if (strncmp(command->name, words->word[0], first) == 0 &&
		    command->name[first] == ' ' && length < sizeof(list))
			length += format(list + length, sizeof(list) - length, "%s%s",
					 length > 0 ? ", " : "", command->name);
	}
	if (length > 0)
		reply_error(reply, "found \"%s%s%s\", allowed: %s", shown[0],
			    words->count > 1 ? " " : "", shown[1], list);
	else
		reply_error(reply, "found \"%s\", which is no command, `help` lists them",
			    shown[0]);
}

/* Takes -j out of the arguments. */
static bool take_arguments(struct reply *reply, const struct words *words, u32 from,
			   struct arguments *arguments)
{
	arguments->count = 0;
	for (u32 i = from; i < words->count; i++) {
		if (string_equal(words->word[i], "-j"))
			reply->json = true;
		else if (arguments->count < COMMAND_WORDS_MAX)
			arguments->word[arguments->count++] = words->word[i];
		else
			return false;
	}
	return true;
}

void command_run(struct reply *reply, const char *line)
{
	static struct words words; /* too large for the stack; arguments point into it */
	struct arguments arguments;
	const struct command *command;
	u32 name_words;

	split(line, &words);
	if (words.problem != NULL) {
		reply_error(reply, "%s", words.problem);
		return;
	}
	if (words.count == 0)
		return;
	log_message(LOG_DEBUG, LOG_CONSOLE, "", "command: %s", line);
	command = command_find(words.word, words.count, &name_words);
	if (command == NULL) {
		unknown(reply, &words);
		return;
	}
	if (!take_arguments(reply, &words, name_words, &arguments) ||
	    arguments.count < command->minimum || arguments.count > command->maximum) {
		reply_error(reply, "found %u arguments, allowed: %s%s%s", arguments.count,
			    command->name, command->arguments[0] != '\0' ? " " : "",
			    command->arguments);
		return;
	}
	command->run(reply, &arguments);
}

struct vm *command_vm(struct reply *reply, const char *name)
{
	struct vm *vm = vm_find(name);
	char shown[40];
	char list[256];
	size_t length = 0;

	if (vm != NULL)
		return vm;
	list[0] = '\0';
	VM_FOR_EACH(other) {
		if (length < sizeof(list))
			length += format(list + length, sizeof(list) - length, " %s",
					 other->config.name);
	}
	reply_error(reply, "found \"%s\", which is no VM, allowed:%s",
		    text_show(shown, sizeof(shown), text_of(name)),
		    length > 0 ? list : " none, `vm create` makes one");
	return NULL;
}

/* Completion */

struct offers {
	void (*offer)(void *context, const char *word);
	void *context;
	const char *prefix;
	size_t length;
};

static void offer(const struct offers *offers, const char *word)
{
	if (strncmp(word, offers->prefix, offers->length) == 0)
		offers->offer(offers->context, word);
}

/* The word behind the first `count` words of each command's name that these words begin. */
static void offer_names(const struct offers *offers, const char *const *words, u32 count)
{
	char name[CONFIG_NAME_BYTES];
	char last[CONFIG_NAME_BYTES] = "";

	COMMAND_FOR_EACH(command) {
		struct text rest = text_of(command->name);
		struct text word = {NULL, 0};
		u32 i = 0;

		while (i < count && text_next_word(&rest, &word) && text_equal(word, words[i]))
			i++;
		/* Neighbours with the same first word are offered once. */
		if (i == count && text_next_word(&rest, &word) &&
		    text_copy(name, sizeof(name), word) && !string_equal(name, last)) {
			offer(offers, name);
			memcpy(last, name, sizeof(last));
		}
	}
}

static void offer_arguments(const struct offers *offers, const struct command *command,
			    const struct words *words, u32 name_words, u32 done)
{
	switch ((enum completion)command->completion) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_VM:
		VM_FOR_EACH(vm) {
			if (done == name_words)
				offer(offers, vm->config.name);
		}
		break;
	case COMPLETE_SECTION:
		for (u32 i = 0; i < setup_config()->vm_count && done == name_words; i++)
			offer(offers, setup_config()->vm[i].name);
		break;
	case COMPLETE_COMMAND:
		offer_names(offers, words->word + name_words, done - name_words);
		break;
	}
}

size_t command_complete(const char *line, size_t length,
			void (*offer_word)(void *context, const char *word), void *context)
{
	static struct words words;
	char before[LINE_MAX + 1];
	const struct command *command;
	struct offers offers = {.offer = offer_word, .context = context};
	u32 name_words;
	u32 done; /* words that are complete */

	memcpy(before, line, length);
	before[length] = '\0';
	split(before, &words);
	if (words.problem != NULL)
		return 0;
	done = words.count;
	offers.prefix = "";
	if (length > 0 && !char_is_space(line[length - 1]) && words.count > 0)
		offers.prefix = words.word[--done];
	offers.length = strlen(offers.prefix);
	command = command_find(words.word, done, &name_words);
	if (command != NULL)
		offer_arguments(&offers, command, &words, name_words, done);
	else
		offer_names(&offers, words.word, done);
	return offers.length;
}
