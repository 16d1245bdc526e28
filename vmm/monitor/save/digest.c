/* SPDX-License-Identifier: MIT */
/*
 * Digests of a VM's RAM and state, which are equal if a restore has reproduced the saved VM. Called
 * by saver.c; reads RAM and state only.
 */
#include "vmm/monitor/save/digest.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/memory/layout.h"
#include "vmm/monitor/state/record.h"
#include "vmm/monitor/state/vcpu_state.h"
#include "vmm/rt/zero.h"

static void digest_blocks(struct sha256_state *sum, const u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i += SHA256_BLOCK_BYTES)
		sha256_block(sum, bytes + i);
}

void digest_ram_begin(struct digest_ram *ram)
{
	*ram = (struct digest_ram){.sum = sha256_initial};
}

void digest_ram_page(struct digest_ram *ram, u64 number, const u8 *page)
{
	const u64 head[SHA256_BLOCK_BYTES / sizeof(u64)] = {number};

	/* these pages have the generation ID, which is new after each restore */
	if (number == LAYOUT_GENERATION / PAGE_SIZE || number == LAYOUT_VGA / PAGE_SIZE ||
	    is_zero(page, PAGE_SIZE))
		return;
	digest_blocks(&ram->sum, (const u8 *)head, sizeof(head));
	digest_blocks(&ram->sum, page, PAGE_SIZE);
	ram->bytes += sizeof(head) + PAGE_SIZE;
}

void digest_ram_end(const struct digest_ram *ram, u8 digest[SHA256_BYTES])
{
	sha256_finish(ram->sum, ram->bytes, "", 0, digest);
}

static void digest_record(const void *record, size_t bytes, u8 digest[SHA256_BYTES])
{
	struct sha256_state sum = sha256_initial;
	size_t whole = align_down(bytes, SHA256_BLOCK_BYTES);

	digest_blocks(&sum, record, whole);
	sha256_finish(sum, whole, (const u8 *)record + whole, bytes - whole, digest);
}

/*
 * Digests a vCPU without the time for which it has waited for a CPU, as the digest contains no
 * times.
 */
static void digest_vcpu(const struct state_record *record, u8 digest[SHA256_BYTES])
{
	static struct {
		struct state_record head;
		struct vcpu_saved body;
	} copy;

	memcpy(&copy, record, MIN(sizeof(copy), state_record_bytes(record->length)));
	copy.head.check = 0;
	copy.body.steal_unseen_tsc = 0;
	digest_record(&copy, sizeof(copy), digest);
}

bool digest_state(const void *state, size_t bytes, u8 digest[SHA256_BYTES])
{
	struct sha256_state sum = sha256_initial;
	const struct state_record *record;
	struct state_problem problem;
	u64 length = 0;

	if (!state_parse(state, bytes, &problem))
		return false;
	for (record = state_first(state); record != NULL; record = state_next(record)) {
		u8 block[SHA256_BLOCK_BYTES] = {0};

		if (record->type == STATE_TIME || record->type == STATE_END ||
		    record->type == (STATE_WALL | STATE_SKIPPABLE))
			continue;
		if (record->type == STATE_VCPU)
			digest_vcpu(record, block);
		else
			digest_record(record, state_record_bytes(record->length), block);
		digest_blocks(&sum, block, sizeof(block));
		length += sizeof(block);
	}
	sha256_finish(sum, length, "", 0, digest);
	return true;
}
