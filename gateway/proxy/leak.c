/* SPDX-License-Identifier: MIT */
/*
 * Finds keys in a stream of bytes by the algorithm of Knuth, Morris and Pratt. An exchange calls
 * it; it allocates its tables, and a buffer for held-back bytes, which is no longer than a key and
 * a piece.
 */
#include "gateway/proxy/leak.h"

#include <stdlib.h>
#include <string.h>

static bool leak_prepare(struct leak_key *key, const char *text)
{
	size_t matched = 0;

	*key = (struct leak_key){.key = text, .length = strlen(text)};
	key->back = calloc(key->length, sizeof(*key->back));
	if (!key->back)
		return false;
	for (size_t i = 1; i < key->length; i++) {
		while (matched && text[i] != text[matched])
			matched = key->back[matched - 1];
		matched += text[i] == text[matched];
		key->back[i] = (uint16_t)matched;
	}
	return true;
}

bool leak_start(struct leak *leak, const struct rule *rule)
{
	*leak = (struct leak){0};
	for (size_t i = 0; i < rule->header_count; i++) {
		if (!rule->headers[i].key)
			continue;
		if (!leak_prepare(leak->keys + leak->count++, rule->headers[i].key))
			return false;
	}
	return true;
}

bool leak_found(const struct rule *rule, const char *bytes, size_t count)
{
	for (size_t i = 0; i < rule->header_count; i++) {
		const char *key = rule->headers[i].key;

		if (key && memmem(bytes, count, key, strlen(key)))
			return true;
	}
	return false;
}

/* Matches bytes against one key. Returns false when the whole key has come. */
static bool leak_match(struct leak_key *key, const char *bytes, size_t count)
{
	size_t matched = key->matched;

	for (size_t i = 0; i < count; i++) {
		while (matched && bytes[i] != key->key[matched])
			matched = key->back[matched - 1];
		matched += bytes[i] == key->key[matched];
		if (matched == key->length)
			return false;
	}
	key->matched = matched;
	return true;
}

bool leak_take(struct leak *leak, struct buffer *to, const char *bytes, size_t count)
{
	size_t kept = 0;

	if (!leak->count) {
		buffer_add(to, bytes, count);
		return true;
	}
	for (size_t i = 0; i < leak->count; i++) {
		if (!leak_match(leak->keys + i, bytes, count))
			return false;
		if (leak->keys[i].matched > kept)
			kept = leak->keys[i].matched;
	}
	buffer_add(&leak->held, bytes, count);
	if (leak->held.failed)
		return false;
	buffer_add(to, leak->held.bytes, leak->held.count - kept);
	buffer_take(&leak->held, leak->held.count - kept);
	return true;
}

void leak_end(struct leak *leak, struct buffer *to)
{
	buffer_add(to, leak->held.bytes, leak->held.count);
	buffer_free(&leak->held);
}

void leak_free(struct leak *leak)
{
	for (size_t i = 0; i < leak->count; i++)
		free(leak->keys[i].back);
	buffer_free(&leak->held);
	leak->count = 0;
}
