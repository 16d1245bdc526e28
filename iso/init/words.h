/* SPDX-License-Identifier: MIT */
#pragma once

#include "iso/init/linux.h"

/*
 * What is to be run. The image and the host say it in one form: words that each end with a 0, of
 * which the first letter is the kind.
 *
 *   xWORD      the image's entry point: words that stand before those of the command
 *   aWORD      a word of the command; those of the host replace the image's
 *   eNAME=TEXT the environment; a name that comes again replaces the one before
 *   dPATH      the working directory
 *   uUID:GID   in decimal
 *   nNAME      a user of the image's /etc/passwd, with the home there; of the host alone
 *   fNAME      in place of a program, what is to be done with files (act.c), whose paths are
 *              the words of the command; of the host alone
 *   hNAME      the host's name
 *   tRxC       a terminal of so many rows and columns in place of pipes; of the host alone
 *   oPATH      a file that the host wants when the command has ended; of the host alone
 *   vPATH      where the volume is mounted that the host has given the machine, and rPATH
 *              where it is and is only read; of the host alone
 */
enum {
	WORDS_MAX = 256,       /* of the entry point and the command, and of the environment */
	WORDS_BYTES = 1 << 16, /* of the image, and of the host */
	WORDS_WANTED = 8,      /* files */
	WORDS_SIDE = 1000,     /* rows of a terminal, and columns */
};

struct words {
	char *argument[WORDS_MAX + 1];
	char *environment[WORDS_MAX + 1];
	unsigned entry_count, argument_count, environment_count;
	const char *directory, *host;
	const char *name; /* the user's, or NULL */
	const char *act;  /* what is to be done with files in place of a program, or NULL */
	bool placed;	  /* the host has said the directory */
	char *wanted[WORDS_WANTED];
	unsigned wanted_count;
	unsigned user, group;
	unsigned rows, columns; /* of the terminal; 0: there is none */
	const char *volume;	/* where the volume is mounted, or NULL */
	bool volume_read;	/* it is only read */
	bool replaced;		/* the image's command has been dropped */
};

/*
 * Takes `count` bytes, which stay where they are; `from_host` if they are the host's. Returns false
 * when they are no such words, or too many.
 */
bool words_take(struct words *words, char *bytes, size_t count, bool from_host);
/* Adds NAME=TEXT to the environment; returns false when there is no room. */
bool words_add_environment(struct words *words, char *text);
const char *words_environment(const struct words *words, const char *name);
