/* SPDX-License-Identifier: MIT */
#pragma once

#include "iso/init/words.h"

/*
 * What goes over the connection of a run, in either direction: frames of a byte that says the kind,
 * three bytes with the count of what follows, low byte first, and that many bytes.
 */
enum {
	GATE_PORT = 1023, /* at which the guest listens; only root may */
	GATE_VERSION = 5,
	GATE_SEED_BYTES = 64,
	GATE_WINDOW = 1 << 14,	   /* bytes of input that the guest keeps for the command */
	GATE_OUTPUT = 3072,	   /* the longest frame from the guest */
	GATE_FILE_BYTES = 1 << 20, /* the longest file that goes over the line, either way */
};

enum gate_frame {
	/* from the host */
	GATE_SEED = 'S',    /* GATE_SEED_BYTES that nobody else gets */
	GATE_FILE = 'F',    /* before the command: an absolute path, a 0, and what is in the file */
	GATE_COMMAND = 'C', /* words.h */
	GATE_STAY = 'B',    /* in place of a command: what all commands get (words.h), see stay.c */
	GATE_INPUT = 'I',   /* to the command's standard input; none: that was all */
	GATE_SIGNAL = 'K',  /* a byte: its number, to the command and all that it has started */
	GATE_RESIZE = 'W',  /* the terminal's new rows and columns, in two bytes each */
	GATE_PUT = 'U',	    /* meanwhile: four bytes with a place in the file, then as GATE_FILE */
	/* from the guest */
	GATE_HELLO = 'H',    /* GATE_VERSION */
	GATE_SEEDED = 'R',   /* its random numbers are its own from here on */
	GATE_STAYS = 'B',    /* to GATE_STAY: commands may come, over a connection for each */
	GATE_TAKEN = 'T',    /* four bytes: so much input has been taken, and more may come */
	GATE_OUT = 'O',	     /* from the command's standard output */
	GATE_ERROR = 'E',    /* from its standard error output */
	GATE_PUT_DONE = 'Q', /* an enum gate_done; once for each GATE_PUT */
	GATE_PIECE = 'P', /* a byte: the number of a wanted file, from 0; then bytes of the file */
	GATE_DONE = 'D',  /* its number and an enum gate_done; once for each wanted file */
	GATE_END = 'X',	  /* struct gate_end; behind all wanted files */
	GATE_REFUSED = 'N', /* in words: why there is nothing to run */
};

/* What became of a file that the host wants, or sends. */
enum gate_done {
	GATE_WHOLE = 0,
	GATE_MISSING = 1, /* also: the folder above it cannot be made */
	GATE_NO_FILE = 2, /* a folder, a device, a pipe */
	GATE_TOO_LONG = 3,
	GATE_UNREADABLE = 4, /* or it cannot be written */
};

/* How what is to be done with files (words.h) ended: the exit code of it. */
enum act_end {
	ACT_DONE = 0,
	ACT_FAILED = 1,
	ACT_MISSING = 2,
	ACT_OTHER_KIND = 3, /* a folder where a file should be, or the other way round */
	ACT_FORBIDDEN = 4,
	ACT_FULL = 5,
	ACT_EXISTS = 6,
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
	int listener;	    /* at which connections come in */
	bool stays;	    /* the host has sent GATE_STAY: the guest outlives its commands */
	bool asked_to_stay; /* on this connection */
	uint32_t count;	    /* of `bytes` that have come */
	uint8_t bytes[WORDS_BYTES + 4];
};

/*
 * Waits until a host has connected, sown and said what to run, or to stay; `words` has what the
 * image says, and points into `gate` then. A connection that ends before that is as if it had not
 * been.
 */
void gate_wait(struct gate *gate, struct words *words);
/* Takes the host's next connection; one of anybody else is closed. Returns false for those. */
bool gate_accept(struct gate *gate);
/*
 * Serves a connection until the host has said what to run, or to stay, and returns true; false when
 * the host has gone.
 */
bool gate_serve(struct gate *gate, struct words *words);
/* Sends a frame of up to GATE_OUTPUT bytes. Returns false when the host has gone. */
bool gate_send(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count);
/* The same, but switches the guest off when the host has gone. */
void gate_tell(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count);
/* Waits until the host has ended the connection, as it has read all, and switches the guest off. */
_Noreturn void gate_leave(struct gate *gate);
/* Says why there is nothing to run; when the host has read that, switches the guest off. */
_Noreturn void gate_refuse(struct gate *gate, const char *why);
/*
 * Reads what has come. Returns the kind of the frame that is complete, with its bytes at `bytes +
 * 4` until the next call, 0 when none is, and -1 when the connection has ended or breaks the rules.
 */
int gate_read(struct gate *gate, uint32_t *count);
bool gate_write(long file, const void *bytes, uint32_t count); /* all, or it returns false */
uint32_t gate_number(const uint8_t *bytes, unsigned count);    /* the low byte first */
/* This process serves one connection of a guest that stays. */
extern bool gate_is_one_of_many;
/* Ends a process that serves one connection of a guest that stays; else the guest. */
_Noreturn void gate_power_off(void);
/* Starts a process for each connection that the host makes, for ever. */
_Noreturn void stay_serve(struct gate *gate, struct words *words);

/* Makes the kernel's random numbers this guest's own; returns false if the kernel does not. */
bool seed_take(const uint8_t seed[GATE_SEED_BYTES]);

/*
 * Looks for network cards, and brings the loopback interface up, which comes without one. Returns
 * whether there is a card.
 */
bool net_find_cards(void);
/* Has the kernel leave the cards that net_find_cards() has found until net_begin(). */
void net_leave_cards(void);
/*
 * Has the kernel drive the cards that were left, in a clone whose random numbers are its own, and
 * asks for an address for each by DHCP, of which its network is told. Returns false when a card
 * gets none; does nothing when it is called again.
 */
bool net_begin(void);

/*
 * Looks for the disk in whose place a clone is given a volume, and has the kernel leave it until
 * volume_mount(), so that nothing of the disk is known then.
 */
void volume_leave(void);
/*
 * Has the kernel drive the volume that the clone was given, and mounts it where the host says, if
 * it says so. Returns false when there is none, or no file system that the kernel can mount so.
 */
bool volume_mount(const struct words *words);
/*
 * Ends whatever still runs, and unmounts the volume, if one is mounted: when this returns all that
 * was written is on it.
 */
void volume_end(const struct words *words);

size_t file_read(const char *path, char *bytes, size_t room); /* returns how many bytes, or 0 */
void file_write(const char *path, const void *bytes, uint32_t count);
/* Writes a file in the place of what the image has there, which may be a link to nowhere. */
void file_replace(const char *path, const void *bytes, uint32_t count);
/* Writes what the host has sent, a path, a 0 and bytes, to place `at` of a file; at 0 it is new. */
enum gate_done file_put(char *bytes, uint32_t count, uint32_t at);
/* Sends the host the files that it wants, when the command has ended. */
void file_send_wanted(struct gate *gate, const struct words *words);
/* Reads the files of the image while nothing else is mounted, as far as there is memory. */
void warm_files(void);

/*
 * Becomes what is to be done with files, by the user that the process has. Its output is what is
 * asked for, its exit code an enum act_end, and its error output a sentence if that is not 0.
 */
_Noreturn void act_run(const struct words *words);

/* Runs the command to its end, and tells the host how it ended. */
void run_command(struct gate *gate, struct words *words);
/* Becomes the command, whose input, output and error output are `streams`. */
_Noreturn void child_run(struct words *words, const int streams[3]);

/* Opens a terminal; `ours` are its input and output, which never wait, `theirs` the command's. */
bool child_open_terminal(const struct words *words, int ours[3], int theirs[3]);
/* Sets its size, of which Linux tells the program in the foreground (SIGWINCH). */
void child_resize_terminal(int terminal, uint32_t rows, uint32_t columns);
