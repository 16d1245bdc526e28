/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The commands of Skerry: how a file in commands/ declares one, how a line is run, and functions by
 * which commands find VMs and wait for them.
 */
#include "vmm/manager/command/reply.h"

#define LINE_MAX	  1024u /* the most characters of a command line */
#define COMMAND_WORDS_MAX 32u

/*
 * A command's arguments: the words after its name, without -j; NULL behind the last. Each is
 * terminated and may hold any other byte.
 */
struct arguments {
	u32 count;
	const char *word[COMMAND_WORDS_MAX];
};

/* The kinds of a command's arguments, for completing them. */
enum completion {
	COMPLETE_NOTHING,
	COMPLETE_VM,	   /* the first argument is a VM in the list */
	COMPLETE_VMS,	   /* each argument is a VM in the list of VMs */
	COMPLETE_SNAPSHOT, /* the first argument is NAME@SNAP */
	/* the first argument is a VM of the configuration, the others are keys */
	COMPLETE_SECTION,
	COMPLETE_COMMAND, /* the arguments are a command */
	/* the first argument is a number, the others are a command with its arguments */
	COMPLETE_WATCH,
	COMPLETE_WORDS, /* the arguments are words of the field `words` */
	/* the first argument is a VM in the list, the others are keys of its section */
	COMPLETE_KEYS,
	COMPLETE_SYMBOL,     /* the first argument is a symbol of the kernel */
	COMPLETE_LOG_OPTION, /* the arguments are options of `log show` */
};

struct command {
	const char *name;      /* the command's name, one to three words */
	const char *arguments; /* the command's arguments, as `help` shows them */
	const char *summary;   /* one line about the command, without a full stop */
	const char *detail;    /* more lines for `help NAME`; NULL: there are none */
	const char *example;   /* an example of the command, as it can be typed */
	const char *keys;      /* keys of the JSON objects that -j gives; NULL: none are given */
	void (*run)(struct reply *reply, const struct arguments *arguments);
	/* bits of enum permission, any one of which allows the command; 0: no asker may run it */
	u8 right;
	u8 minimum; /* least number of arguments */
	u8 maximum;
	u8 completion;	 /* enum completion */
	bool audited;	 /* the line goes to the audit log */
	bool changes;	 /* the command has an effect, so `watch` refuses it */
	bool shows_bare; /* without arguments the command only shows something */
	/* the arguments for COMPLETE_WORDS: a list for each argument, separated by ';' */
	const char *words;
};

/*
 * Adds a command to the list: a file in commands/ needs no entry elsewhere. The linker sorts the
 * list by identifier, which is the name with '_' for each space; help and completion rely on
 * commands with the same first words being neighbours.
 */
#define COMMAND(identifier, ...)                                                                   \
	static const struct command identifier##_description = {__VA_ARGS__};                      \
	static const struct command *const identifier##_entry USED SECTION(                        \
		".commands." #identifier) = &identifier##_description

extern const struct command *const commands_start[];
extern const struct command *const commands_end[];
#define COMMAND_FOR_EACH(each)                                                                     \
	for (const struct command *const *each##_at = commands_start, *each;                       \
	     each##_at < commands_end && (each = *each##_at, true); each##_at++)

/* Runs a command line. The command's answer goes to the reply; an empty line has none. */
void command_run(struct reply *reply, const char *line);
/*
 * Runs a command line, which begins with the command's name, with further arguments that are taken
 * unsplit as one word each.
 */
void command_run_words(struct reply *reply, const char *line, const char *const *more, u32 count);
/* Resumes a waiting command, in the name of its requester; returns whether it has ended. */
bool command_resume(struct reply *reply);

/*
 * Returns the command with the longest name with which the words begin, or NULL; *name_words is the
 * length of the name in words.
 */
const struct command *command_find(const char *const *words, u32 count, u32 *name_words);

/*
 * Completes a line: calls `offer` with each word that could stand in place of the last, unfinished
 * one. Returns the length of that unfinished word.
 */
size_t command_complete(const char *line, size_t length,
			void (*offer)(void *context, const char *word), void *context);

/* Returns the VM of that name, for a command; NULL after writing an error if there is none. */
struct vm *command_vm(struct reply *reply, const char *name);
/* Notes in the reply the VM's id for a command that waits, and its name in case the VM goes. */
void command_vm_keep(struct reply *reply, const struct vm *vm);
/*
 * Returns the VM that command_vm_keep has noted, or NULL after writing the error that it was
 * destroyed.
 */
struct vm *command_vm_kept(struct reply *reply);
/*
 * Lets the command wait for the VM: `resume` is called each turn of the event loop until it returns
 * true. The awaited event has a time limit of its own.
 */
void command_vm_wait(struct reply *reply, const struct vm *vm, bool (*resume)(struct reply *reply));
/*
 * For `resume`: from now on the command waits for something that has a time limit of its own, such
 * as the end of a VM.
 */
void command_vm_wait_on(struct reply *reply);
/*
 * Lets the command wait for the VM's monitor: `resume` is called each turn of the event loop, until
 * command_vm_given_up.
 */
void command_vm_await_monitor(struct reply *reply, const struct vm *vm,
			      bool (*resume)(struct reply *reply));
/*
 * Writes the error that the VM was not `done`, such as "saved"; `problem` says why. The error's
 * code tells programs whether the VM's state, a busy VM or something else was the cause.
 */
void command_vm_not_done(struct reply *reply, const struct vm *vm, const char *done,
			 const char *problem);
/* Returns whether the monitor has used up its time; if so, it has written an error. */
bool command_vm_given_up(struct reply *reply, const struct vm *vm);
