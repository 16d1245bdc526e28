/* SPDX-License-Identifier: MIT */
/*
 * Splits a line into words, finds its command, checks rights and runs it; also helps commands to
 * wait for VMs. Called by the console, the machine channels and the commands. Writes the audit log;
 * holds no state between calls.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/command/command_near.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/command/words.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The time limit for a monitor's answer: loading a large guest on an emulated CPU takes seconds. */
#define ANSWER_NS (60 * NS_PER_S)

static bool command_name_matches(const char *name, const char *const *words, u32 count,
				 u32 *name_words)
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
	const struct command *found = NULL;
	u32 length;

	COMMAND_FOR_EACH(command) {
		if (!command_name_matches(command->name, words, count, &length) ||
		    (found != NULL && length <= *name_words))
			continue;
		found = command;
		*name_words = length;
	}
	return found;
}

/*
 * Returns whether the word ends a session in other programs: the answer to such an unknown command
 * then explains what ends a session in Skerry.
 */
static bool command_leaves(const char *word)
{
	return string_equal(word, "exit") || string_equal(word, "quit") ||
	       string_equal(word, "logout");
}

/*
 * Reports an unknown command, with one that may be meant: the nearest name, those with the same
 * first word, or `help`.
 */
static void command_unknown(struct reply *reply, const struct words *words)
{
	const char *near;
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
	near = command_near(words->word[0], words->count > 1 ? words->word[1] : "");
	if (near != NULL)
		reply_fail(reply, CODE_UNKNOWN_COMMAND,
			   "unknown command \"%s%s%s\", did you mean `%s`?", shown[0],
			   strchr(near, ' ') != NULL && words->count > 1 ? " " : "",
			   strchr(near, ' ') != NULL ? shown[1] : "", near);
	else if (length > 0)
		reply_fail(reply, CODE_UNKNOWN_COMMAND, "unknown command \"%s%s%s\", there are: %s",
			   shown[0], words->count > 1 ? " " : "", shown[1], list);
	else if (string_equal(words->word[0], "ls") || string_equal(words->word[0], "ps"))
		reply_fail(reply, CODE_UNKNOWN_COMMAND,
			   "unknown command \"%s\", `vm list` shows VMs, `help` lists all commands",
			   shown[0]);
	else if (command_leaves(words->word[0]))
		reply_fail(reply, CODE_UNKNOWN_COMMAND,
			   "unknown command \"%s\", there is nothing to leave; `lock` asks for the "
			   "password again, `poweroff` ends the host, Ctrl-] leaves a guest",
			   shown[0]);
	else
		reply_fail(reply, CODE_UNKNOWN_COMMAND, "unknown command \"%s\", `help` lists all",
			   shown[0]);
}

/*
 * Removes -j, wherever it stands, from the words of a command, and notes that JSON is wanted. A
 * line of -j alone is no command.
 */
static void command_take_json(struct reply *reply, struct words *words)
{
	u32 count = 0;

	for (u32 i = 0; i < words->count; i++) {
		if (string_equal(words->word[i], "-j"))
			reply->json = true;
		else
			words->word[count++] = words->word[i];
	}
	words->count = count;
}

static bool command_is_help(const char *word)
{
	return string_equal(word, "--help") || string_equal(word, "-h") || string_equal(word, "?");
}

/*
 * Turns `vm list --help` and `vm help` into the command `help vm list` or `help vm`, as other
 * programs do.
 */
static void command_take_help(struct words *words)
{
	u32 last = words->count - 1;
	u32 name_words;

	if (command_is_help(words->word[0]))
		words->word[0] = "help";
	if (last == 0 || string_equal(words->word[0], "help") ||
	    (!string_equal(words->word[last], "--help") &&
	     (!string_equal(words->word[last], "help") ||
	      command_find(words->word, words->count, &name_words) != NULL)))
		return;
	for (u32 i = last; i > 0; i--)
		words->word[i] = words->word[i - 1];
	words->word[0] = "help";
}

/*
 * Removes `| WORD` from the end of the words and makes WORD the reply's filter. Returns false after
 * writing an error.
 */
static bool command_take_filter(struct reply *reply, struct words *words)
{
	u32 at = 1;

	while (at < words->count && !string_equal(words->word[at], "|"))
		at++;
	if (at >= words->count)
		return true;
	if (at + 2 != words->count || words->word[at + 1][0] == '\0' ||
	    !string_copy(reply->filter, sizeof(reply->filter), words->word[at + 1])) {
		reply_bad(reply,
			  "the filter has %u words; write | and one word of at most %u characters",
			  words->count - at - 1, REPLY_FILTER_BYTES - 1);
		return false;
	}
	words->count = at;
	return true;
}

static bool command_take_arguments(const char *const *words, u32 count, struct arguments *arguments)
{
	for (u32 i = 0; i < count; i++) {
		if (arguments->count == COMMAND_WORDS_MAX)
			return false;
		arguments->word[arguments->count++] = words[i];
	}
	return true;
}

/* Writes the audit line of a command before the command runs, so that attempts are seen as well. */
static void command_audit(const struct command *command, const struct arguments *arguments,
			  const char *line, u32 more)
{
	const struct vm *vm = NULL;
	char words[LINE_MAX + 1] = "";
	u32 first = 0;

	while (first < arguments->count && arguments->word[first][0] == '-')
		first++;
	if ((command->completion == COMPLETE_VM || command->completion == COMPLETE_KEYS) &&
	    first < arguments->count)
		vm = vm_find(arguments->word[first]);
	if (more > 0 &&
	    !words_join(words, sizeof(words), arguments->word + (arguments->count - more), more))
		string_copy(words, sizeof(words), "(too long to be shown)");
	log_message(LOG_INFO, LOG_AUDIT, vm != NULL ? vm->config.name : "", "%s%s%s", line,
		    more > 0 ? " " : "", words);
}

void command_run_words(struct reply *reply, const char *line, const char *const *more, u32 count)
{
	/* static, as `words` is too large for the stack; `arguments` points into it */
	static struct words words;
	struct arguments arguments = {0};
	const struct command *command;
	u32 name_words;

	words_split(&words, line);
	if (words.problem != NULL) {
		reply_bad(reply, "%s", words.problem);
		return;
	}
	if (words.count == 0 && count == 0)
		return;
	command_take_json(reply, &words);
	if (!command_take_filter(reply, &words))
		return;
	log_message(LOG_DEBUG, LOG_CONSOLE, "", "command: %s", line);
	if (words.count == 0)
		words.word[words.count++] = "";
	command_take_help(&words);
	command = command_find(words.word, words.count, &name_words);
	if (command == NULL) {
		command_unknown(reply, &words);
		return;
	}
	if (!reply_may(reply, command->right))
		return;
	if (!command_take_arguments(words.word + name_words, words.count - name_words,
				    &arguments) ||
	    !command_take_arguments(more, count, &arguments) ||
	    arguments.count < command->minimum || arguments.count > command->maximum) {
		reply_bad(reply, "wrong number of arguments (%u), usage: %s%s%s", arguments.count,
			  command->name, command->arguments[0] != '\0' ? " " : "",
			  command->arguments);
		return;
	}
	log_actor_set(reply->to->name);
	if (command->audited)
		command_audit(command, &arguments, line, count);
	command->run(reply, &arguments);
	log_actor_set(NULL);
}

void command_run(struct reply *reply, const char *line)
{
	command_run_words(reply, line, NULL, 0);
}

bool command_resume(struct reply *reply)
{
	bool done;

	log_actor_set(reply->to->name);
	done = reply->resume(reply);
	log_actor_set(NULL);
	return done;
}

struct vm *command_vm(struct reply *reply, const char *name)
{
	const struct vm_config *section;
	struct vm *vm = vm_find(name);
	char shown[40];
	char list[256];
	size_t length = 0;

	if (vm != NULL)
		return vm;
	section = config_find(boot_config(), name);
	if (section != NULL && section->broken) {
		reply_fail(reply, CODE_BAD_STATE,
			   "%s does not exist: its section has mistakes, `log show -c config` "
			   "lists them",
			   name);
		return NULL;
	}
	if (section != NULL) {
		reply_fail(reply, CODE_NOT_FOUND,
			   "%s does not exist yet, `vm create %s` makes it from its section", name,
			   name);
		return NULL;
	}
	list[0] = '\0';
	VM_FOR_EACH(other) {
		if (length < sizeof(list))
			length += format(list + length, sizeof(list) - length, " %s",
					 other->config.name);
	}
	reply_fail(reply, CODE_NOT_FOUND, "there is no VM \"%s\"; %s%s",
		   text_show(shown, sizeof(shown), text_of(name)),
		   length > 0 ? "the VMs are" : "`vm create` makes one", list);
	return NULL;
}

void command_vm_keep(struct reply *reply, const struct vm *vm)
{
	reply->vm_id = vm->id;
	string_copy(reply->vm_name, sizeof(reply->vm_name), vm->config.name);
}

struct vm *command_vm_kept(struct reply *reply)
{
	struct vm *vm = vm_by_id(reply->vm_id);

	if (vm == NULL)
		reply_fail(reply, CODE_NOT_FOUND, "%s was destroyed meanwhile", reply->vm_name);
	return vm;
}

void command_vm_wait(struct reply *reply, const struct vm *vm, bool (*resume)(struct reply *reply))
{
	command_vm_keep(reply, vm);
	command_vm_wait_on(reply);
	reply->resume = resume;
}

void command_vm_wait_on(struct reply *reply)
{
	reply->deadline_tsc = 0;
}

void command_vm_await_monitor(struct reply *reply, const struct vm *vm,
			      bool (*resume)(struct reply *reply))
{
	command_vm_wait(reply, vm, resume);
	reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(ANSWER_NS);
}

void command_vm_not_done(struct reply *reply, const struct vm *vm, const char *done,
			 const char *problem)
{
	reply_fail(reply,
		   !vm_is_up(vm) ? CODE_BAD_STATE
		   : vm_busy(vm) ? CODE_BUSY
				 : CODE_FAILED,
		   "%s: not %s: %s", vm->config.name, done, problem);
}

bool command_vm_given_up(struct reply *reply, const struct vm *vm)
{
	if (clock_tsc() < reply->deadline_tsc)
		return false;
	reply_error(reply, "the monitor of %s does not answer, `vm destroy %s` ends it",
		    vm->config.name, vm->config.name);
	return true;
}
