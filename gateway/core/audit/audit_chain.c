/* SPDX-License-Identifier: MIT */
/*
 * Follows the chain of hashes through the files of the audit, and knows the names of the full
 * ones. The audit and `skerryd verify-audit` call it; it reads those files, and removes the
 * oldest.
 */

#include "gateway/core/audit/audit_chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/base/bytes.h"
#include "gateway/core/common/state.h"

enum { CHAIN_FILE_BYTES = 256 << 20, CHAIN_DIGITS = 12 };

void audit_hash(const char *line, size_t count, char *hash)
{
	uint8_t bytes[32] = {0};

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, line, count, bytes) < 0)
		abort();
	hex_write(hash, bytes, sizeof(bytes));
}

void audit_chain_start(struct audit_chain *chain)
{
	*chain = (struct audit_chain){.first = 1};
	memset(chain->head, '0', AUDIT_HASH - 1);
}

/*
 * Checks one line. The first line that is there need not be line 1: earlier files may have been
 * removed.
 */
static bool chain_line(struct audit_chain *chain, const char *text, size_t length, audit_take *take)
{
	json_t *object = json_loadb(text, length, 0, NULL);
	const char *prev = json_string_value(json_object_get(object, "prev"));
	json_int_t number = json_integer_value(json_object_get(object, "n"));
	bool good;

	if (!chain->begun && prev && strlen(prev) == AUDIT_HASH - 1 && number > 1) {
		chain->first = (uint64_t)number;
		chain->last = chain->first - 1;
		memcpy(chain->head, prev, AUDIT_HASH);
	}
	chain->begun = true;
	good = prev && !strcmp(prev, chain->head) && number == (json_int_t)(chain->last + 1);
	if (good) {
		chain->last++;
		audit_hash(text, length, chain->head);
		if (take)
			take(object, chain->last, chain->head);
	} else {
		fprintf(stderr, "skerryd: the audit's chain is broken at line %" PRIu64 "\n",
			chain->last + 1);
	}
	json_decref(object);
	return good;
}

static bool chain_read(const char *name, struct buffer *buffer)
{
	int fd = openat(state_folder(), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char bytes[65536];
	ssize_t count = -1;

	if (fd < 0 && errno == ENOENT)
		return true;
	while (fd >= 0 && (count = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(buffer, bytes, (size_t)count);
	if (fd >= 0)
		close(fd);
	if (count == 0 && !buffer->failed)
		return true;
	fprintf(stderr, "skerryd: %s cannot be read\n", name);
	return false;
}

bool audit_chain_file(struct audit_chain *chain, const char *name, size_t *good, size_t *size,
		      audit_take *take)
{
	struct buffer buffer = {.limit = CHAIN_FILE_BYTES};
	bool done = chain_read(name, &buffer);
	const char *end;

	*good = 0;
	*size = buffer.count;
	while (done && *good < buffer.count &&
	       (end = memchr(buffer.bytes + *good, '\n', buffer.count - *good))) {
		size_t length = (size_t)(end - buffer.bytes) - *good;

		done = chain_line(chain, buffer.bytes + *good, length, take);
		*good += done ? length + 1 : 0;
	}
	buffer_free(&buffer);
	return done;
}

void audit_chain_name(char *name, uint64_t first)
{
	snprintf(name, AUDIT_NAME_BYTES, "audit-%0*" PRIu64 ".jsonl", CHAIN_DIGITS, first);
}

static int chain_is_full(const struct dirent *entry)
{
	const char *digits = entry->d_name + strlen("audit-");

	return !strncmp(entry->d_name, "audit-", strlen("audit-")) &&
	       strspn(digits, "0123456789") == CHAIN_DIGITS &&
	       !strcmp(digits + CHAIN_DIGITS, ".jsonl");
}

/*
 * Lists the full audit files, the oldest first. Returns their number, or -1. The caller frees the
 * files and the list.
 */
static int chain_list(struct dirent ***list)
{
	return scandirat(state_folder(), ".", list, chain_is_full, alphasort);
}

bool audit_chain_newest(char *name)
{
	struct dirent **list;
	int count = chain_list(&list);

	if (count > 0)
		snprintf(name, AUDIT_NAME_BYTES, "%.31s", list[count - 1]->d_name);
	for (int i = 0; i < count; i++)
		free(list[i]);
	if (count >= 0)
		free(list);
	return count > 0;
}

bool audit_chain_drop(unsigned kept)
{
	struct dirent **list;
	int count = chain_list(&list);
	bool done = count > 0 && (unsigned)count > kept &&
		    unlinkat(state_folder(), list[0]->d_name, 0) == 0;

	if (done)
		fprintf(stderr, "skerryd: %s, the oldest of the audit, was removed\n",
			list[0]->d_name);
	for (int i = 0; i < count; i++)
		free(list[i]);
	if (count >= 0)
		free(list);
	return done;
}

bool audit_chain_verify(struct audit_chain *chain)
{
	struct dirent **list;
	int count = chain_list(&list);
	bool done = count >= 0;
	size_t good, size;

	audit_chain_start(chain);
	for (int i = 0; i < count; i++) {
		/* A full file ends with a whole line. */
		done = done && audit_chain_file(chain, list[i]->d_name, &good, &size, NULL) &&
		       good == size;
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return done && audit_chain_file(chain, AUDIT_FILE, &good, &size, NULL);
}
