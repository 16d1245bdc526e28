/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The chain of hashes goes through files in the state directory: the full files, audit-NUMBER.jsonl
 * by the number of their first line, then audit.jsonl, to which lines are added. The oldest files
 * may have been moved elsewhere, but none from between two others.
 */
enum { AUDIT_HASH = 65, AUDIT_NAME_BYTES = 32 };
#define AUDIT_FILE "audit.jsonl"

struct audit_chain {
	bool begun;
	/* numbers of the first and the last line; `last` 0: there is no line */
	uint64_t first, last;
	char head[AUDIT_HASH]; /* the hash of the last line */
};

typedef void audit_take(json_t *object, uint64_t line, const char *hash);

void audit_hash(const char *line, size_t count, char *hash);
void audit_chain_start(struct audit_chain *chain);

/*
 * Follows the chain through an audit file and calls `take`, if it is not NULL, for each line.
 * `*good` is how many of its `*size` bytes are whole lines. Returns false, after a sentence on
 * stderr, if the chain is broken or the file cannot be read. A file that is not there has no lines.
 */
bool audit_chain_file(struct audit_chain *chain, const char *name, size_t *good, size_t *size,
		      audit_take *take);

/* Writes the name of the full audit file that begins with line `first`. */
void audit_chain_name(char *name, uint64_t first);
/* Writes the name of the newest full audit file; returns false when there is none. */
bool audit_chain_newest(char *name);
/*
 * Removes the oldest full audit file if there are more than `kept` of them; returns false when
 * there is none to remove.
 */
bool audit_chain_drop(unsigned kept);
/* Follows the chain through all audit files; returns false when the chain is broken. */
bool audit_chain_verify(struct audit_chain *chain);
