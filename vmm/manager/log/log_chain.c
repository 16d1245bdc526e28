/* SPDX-License-Identifier: MIT */
/* Computes the chain of hashes over audit lines. Called by log_store.c; holds no state. */
#include "vmm/manager/log/log_chain.h"
#include "lib/bits.h"
#include "vmm/manager/log/log_names.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

_Static_assert(LOG_CHAIN_BYTES == SHA256_BYTES, "a line's hash");

#define NUMBERS_BYTES 64u /* room for two numbers and a level */

void log_chain_add(u8 chain[LOG_CHAIN_BYTES], const struct log_line *line)
{
	char bytes[LOG_CHAIN_BYTES + NUMBERS_BYTES + LOG_VM_BYTES + LOG_TEXT_BYTES + 1];
	size_t length = LOG_CHAIN_BYTES;

	memcpy(bytes, chain, LOG_CHAIN_BYTES);
	length += format(bytes + length, sizeof(bytes) - length, "%llu %llu %s %.*s %.*s",
			 (unsigned long long)line->sequence, (unsigned long long)line->time_ns,
			 log_level_name(line->level), (int)line->vm.length, line->vm.start,
			 (int)line->text.length, line->text.start);
	sha256_finish(sha256_initial, 0, bytes, MIN(length, sizeof(bytes) - 1), chain);
}
