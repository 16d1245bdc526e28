/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/live/run.h"

/* The sentence that answers a request with a wrong terminal size. */
extern const char run_size_wrong[];
/*
 * Returns the asker's own run that the path names. If there is no such run, answers the request and
 * returns NULL.
 */
struct run *api_run_own(struct request *request);

enum { API_RUN_WORDS = 60000 }; /* the most bytes of command and environment */

/* What a request for a run asks for, as far as it is read. */
struct run_asked {
	struct run_order order;
	bool terminal;
	const char *wrong; /* the sentence about a field that is wrong, or NULL */
};

/*
 * Reads one member of the request's body; `name` is its path. Returns false when a request for a
 * run has no such member.
 */
bool api_run_take(struct run_asked *asked, const char *name, enum field_type type,
		  const char *value);
/* Notes that all members have been read. */
void api_run_took(struct run_asked *asked);
/* Returns whether all of them were right; if not, answers the request and frees what was read. */
bool api_run_right(struct request *request, struct run_asked *asked);
void api_run_free(struct run_asked *asked);
/* Adds a word in the form of iso/init/words.h, with the NUL that ends it. */
void api_run_word(struct buffer *words, char kind, const char *name, const char *value);
/*
 * Returns whether runs of the template have the memory that is asked for. If not, answers the
 * request.
 */
bool api_run_has_memory(struct request *request, const struct run_asked *asked);
/* Functions of run_volume.c: takes one of "volumes", STORE/VOLUME:/PATH[:ro]; */
void api_run_take_volume(struct run_asked *asked, const char *text);
/*
 * and returns whether the asker may give its run the volume, if the order has one, for which the
 * audit has a line then. If not, answers the request.
 */
bool api_run_volume_may(struct request *request, struct run_order *order);
/* Functions of sandbox.c: whether `user` is a name or numbers of one; and adds the word for it. */
bool api_sandbox_user_valid(const char *user);
void api_sandbox_user(struct buffer *words, const char *user);
