/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/reply.h"

#define COMMAND_WORDS_MAX 32u

/*
 * The words after a command's name, without -j; NULL where there are no more. Each is terminated
 * and may hold any other byte.
 */
struct arguments {
	u32 count;
	const char *word[COMMAND_WORDS_MAX];
};

/* What the words of a command are, for completion. */
enum completion {
	COMPLETE_NOTHING,
	COMPLETE_VM,	  /* the first argument is a VM in the list */
	COMPLETE_VMS,	  /* each argument is one */
	COMPLETE_SNAPSHOT, /* the first argument is NAME@SNAP */
	COMPLETE_SECTION, /* a VM of the configuration, then keys */
	COMPLETE_COMMAND, /* the arguments are a command */
	COMPLETE_WATCH,	  /* a number, then a command with its arguments */
	COMPLETE_WORDS,   /* those of `words` */
	COMPLETE_KEYS,	  /* a VM in the list, then keys of a VM's section */
	COMPLETE_SYMBOL,  /* the first argument is a symbol of the kernel */
	COMPLETE_LOG_OPTION, /* the options of `log show` */
};

struct command {
	const char *name;      /* one to three words */
	const char *arguments; /* as help shows them */
	const char *summary;   /* one line, without a full stop */
	const char *detail;    /* more lines; NULL: there is no more to say */
	const char *example;   /* a line that can be typed */
	const char *keys;      /* of the objects that -j gives; NULL: it gives none */
	void (*run)(struct reply *reply, const struct arguments *arguments);
	u8 right;   /* enum permission: any of these; 0: nobody may */
	u8 minimum; /* arguments */
	u8 maximum;
	u8 completion;     /* enum completion */
	bool audited;      /* the line goes to the log of who did what */
	bool changes;      /* it does more than show something: not for `watch` */
	bool shows_bare;   /* but without arguments it only shows */
	const char *words; /* for completion: a list for each argument, separated by ';' */
};

/*
 * Puts a command into the list: a file of commands/ needs no entry elsewhere. The linker sorts the
 * list by identifier, which is the name with '_' for each space; help and completion rely on
 * commands that begin alike being neighbours.
 */
#define COMMAND(identifier, ...)                                                                 \
	static const struct command identifier##_description = {__VA_ARGS__};                   \
	static const struct command *const identifier##_entry                                   \
		USED SECTION(".commands." #identifier) = &identifier##_description

extern const struct command *const commands_start[];
extern const struct command *const commands_end[];
#define COMMAND_FOR_EACH(each)                                                                   \
	for (const struct command *const *each##_at = commands_start, *each;                    \
	     each##_at < commands_end && (each = *each##_at, true); each##_at++)

/* Runs a line. The answer goes to reply; an empty line has none. */
void command_run(struct reply *reply, const char *line);
/* The same with more arguments, each one word as it is; the name stands in `line`. */
void command_run_words(struct reply *reply, const char *line, const char *const *more, u32 count);
/* Goes on with a command that waits; true when it is done. What it does is its requester's deed. */
bool command_resume(struct reply *reply);

/* The command of the longest name that the words begin with, how many it has; NULL for none. */
const struct command *command_find(const char *const *words, u32 count, u32 *name_words);

/*
 * What could stand where the line ends: calls `offer` with each whole word that begins with its
 * last, unfinished one. Returns the length of that one.
 */
size_t command_complete(const char *line, size_t length,
			void (*offer)(void *context, const char *word), void *context);

/* For commands: the VM of that name; NULL after an error has been written. */
struct vm *command_vm(struct reply *reply, const char *name);
/* For commands that wait: keeps which VM it is about, and its name in case it goes. */
void command_vm_keep(struct reply *reply, const struct vm *vm);
/* That VM; NULL after an error has been written: it was destroyed. */
struct vm *command_vm_kept(struct reply *reply);
/* Calls `resume` until it is done: what it waits for has limits of its own. */
void command_vm_wait(struct reply *reply, const struct vm *vm, bool (*resume)(struct reply *reply));
/* For `resume`: what it waits for now has its own limit, as a VM that is being taken back. */
void command_vm_wait_on(struct reply *reply);
/* Waits for the monitor to do something: calls `resume`, at last when command_vm_given_up. */
void command_vm_await_monitor(struct reply *reply, const struct vm *vm,
			      bool (*resume)(struct reply *reply));
/* An error: a VM that has to run or to be paused for it was not `done`; `problem` says why. */
void command_vm_not_done(struct reply *reply, const struct vm *vm, const char *done,
			 const char *problem);
/* Whether the monitor has used up its time; an error has been written then. */
bool command_vm_given_up(struct reply *reply, const struct vm *vm);
