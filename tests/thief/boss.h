/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/thief/thief.h"

extern handle_t boss_queue;
extern handle_t boss_channel;

/* Sets up COM1 and the options of the command line. In console.c. */
void console_init(void);
void say(const char *text, ...) PRINTF_LIKE(1, 2);
u64 option_number(const char *name, u64 otherwise);
/* Returns whether name=A,B,C has the word, or is not there at all. */
bool option_names(const char *name, const char *word);

/* A group with one process, made as the manager makes a monitor. In party.c. */
struct party {
	handle_t group, ram, space, vm, process, process_space, start, wake, out;
	u64 info_at;
};

bool party_make(struct party *party, enum role role, u64 pattern, u64 reservable_permille);
bool party_start(struct party *party);
/* Gives back what the boss has of the party, before its group is destroyed. */
void party_end(struct party *party);
