/* SPDX-License-Identifier: MIT */
#pragma once

#include "iso/init/words.h"

/*
 * What goes over the connection of a run, in either direction: frames of a byte that says the kind,
 * three bytes with the count of what follows, low byte first, and that many bytes.
 */
enum {
	GATE_PORT = 1023, /* at which the guest listens; only root may */
	GATE_VERSION = 2,
	GATE_SEED_BYTES = 64,
	GATE_WINDOW = 1 << 14,	   /* bytes of input that the guest keeps for the command */
	GATE_OUTPUT = 3072,	   /* the longest frame from the guest */
	GATE_FILE_BYTES = 1 << 20, /* the most of a file that the host gets at the end */
};

enum gate_frame {
	/* from the host */
	GATE_SEED = 'S',    /* GATE_SEED_BYTES that nobody else gets */
	GATE_FILE = 'F',    /* before the command: an absolute path, a 0, and what is in the file */
	GATE_COMMAND = 'C', /* words.h */
	GATE_INPUT = 'I',   /* to the command's standard input; none: that was all */
	GATE_SIGNAL = 'K',  /* a byte: its number, to the command and all that it has started */
	/* from the guest */
	GATE_HELLO = 'H',  /* GATE_VERSION */
	GATE_SEEDED = 'R', /* its random numbers are its own from here on */
	GATE_TAKEN = 'T',  /* four bytes: so much input has been taken, and more may come */
	GATE_OUT = 'O',	   /* from the command's standard output */
	GATE_ERROR = 'E',  /* from its standard error output */
	GATE_PIECE = 'P',  /* a byte: the number of a wanted file, from 0; then bytes of the file */
	GATE_DONE = 'D',   /* its number and an enum gate_done; once for each wanted file */
	GATE_END = 'X',	   /* struct gate_end; behind all wanted files */
	GATE_REFUSED = 'N', /* in words: why there is nothing to run */
};

/* What became of a file that the host wants when the command has ended. */
enum gate_done {
	GATE_WHOLE = 0,
	GATE_MISSING = 1,
	GATE_NO_FILE = 2, /* a folder, a device, a pipe */
	GATE_TOO_LONG = 3,
	GATE_UNREADABLE = 4,
};

/* How the command ended, the low byte first. */
struct gate_end {
	uint8_t by_signal; /* 1: `code` is a signal, not an exit code */
	uint8_t code;
	uint8_t out_of_memory; /* 1: Linux has killed processes because it had no memory left */
	uint8_t reserved;
	uint32_t memory_kib; /* the most that one process had */
	uint64_t user_us, system_us;
};
_Static_assert(sizeof(struct gate_end) == 24, "as it goes over the line");

struct gate {
	int connection;
	uint32_t count; /* of `bytes` that have come */
	uint8_t bytes[WORDS_BYTES + 4];
};

/*
 * Waits until a host has connected, sown and said what to run; `words` has what the image says. A
 * connection that ends before that is as if it had not been.
 */
void gate_wait(struct gate *gate, struct words *words);
bool gate_send(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count);
/*
 * Reads what has come. Returns the kind of the frame that is complete, with its bytes from `bytes +
 * 4` on until the next call, 0 when none is, and a negative number when the connection has ended,
 * or breaks the rules.
 */
int gate_read(struct gate *gate, uint32_t *count);
_Noreturn void gate_power_off(void);

/* Runs the command to its end, and tells the host how it ended. */
void run_command(struct gate *gate, const struct words *words);

/* Sends the host the files that it wants, when the command has ended. */
void wanted_files(struct gate *gate, const struct words *words);

/* Reads the files of the image while nothing else is mounted, as far as there is memory. */
void warm_files(void);
