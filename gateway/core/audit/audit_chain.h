/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The chain goes over files: audit.jsonl, which is written, and the full ones before it,
 * audit-NUMBER.jsonl by the number of their first line, in the state directory. Older ones may have
 * been moved elsewhere, but none between two others.
 */
enum { AUDIT_HASH = 65, AUDIT_NAME_BYTES = 32 };
#define AUDIT_FILE "audit.jsonl"

struct audit_chain {
	bool begun;
	uint64_t first, last;  /* numbers of lines; `last` 0: there is none */
	char head[AUDIT_HASH]; /* of the last one */
};

typedef void audit_take(json_t *object, uint64_t line, const char *hash);

void audit_hash(const char *line, size_t count, char *hash);
void audit_chain_start(struct audit_chain *chain);

/*
 * Follows the chain through a file; `take` may be NULL. `*good` is how many of its `*size` bytes
 * are whole lines. False: it is broken or cannot be read, and a sentence is on stderr. A file that
 * is not there has no lines.
 */
bool audit_chain_file(struct audit_chain *chain, const char *name, size_t *good, size_t *size,
		      audit_take *take);

/* The full file that begins with line `first`. */
void audit_chain_name(char *name, uint64_t first);
/* The newest full one; false: there is none. */
bool audit_chain_newest(char *name);
/* Removes the oldest full one if there are more than `kept`; false: there is none to remove. */
bool audit_chain_drop(unsigned kept);
/* Through all files. */
bool audit_chain_verify(struct audit_chain *chain);
