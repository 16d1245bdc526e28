/* SPDX-License-Identifier: MIT */
/*
 * A driver of a disk in memory that lies to its clients or to the manager, or dies, or hangs. The
 * last kilobytes of the disk's size say which (a multiple of 4 KiB above 1 MiB); others are honest.
 */
#include "lib/string.h"
#include "tests/liars/liar.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define TRUTHS 64u /* the rounds that are honest */
#define RINGS  50u

enum lie { NO_LIE, FORGED_ANSWERS, WILD_INDICES, WILD_CHANNEL, DEATHS, HANG, WILD_START, LIES };

void __real_client_publish(void);
void __wrap_client_publish(void);

static enum lie lie_told(void)
{
	u64 bytes = start_info->parameter[DRIVER_DISK_BYTES];

	return bytes > MIB && bytes < MIB + LIES * PAGE_SIZE ? (enum lie)((bytes - MIB) / PAGE_SIZE)
							     : NO_LIE;
}

static struct driver_channel *channel_of(void)
{
	return (struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
}

/* Ids that nobody asked with, or again; wild status; all at once. */
static void forge_answers(struct link_memory *memory, const struct driver_client *client)
{
	struct link_line *line = &memory->line[LINK_SERVER];

	for (u32 i = 0; i < SLOT_COUNT; i++) {
		u64 random = liar_random();
		struct block_answer answer = {
			.id = (random & 1) != 0 ? random >> 8 & 0xfff : random,
			.status = (u32)(random >> 1) & 7,
		};

		memcpy(slots_of(memory)->answers[i], &answer, sizeof(answer));
	}
	__atomic_store_n(&line->written, line->written + (u32)liar_random() % SLOT_COUNT,
			 __ATOMIC_RELEASE);
	for (u32 i = 0; i < RINGS; i++)
		(void)sys_event_signal(client->bell);
}

static void break_links(enum lie lie)
{
	struct driver_channel *channel = channel_of();

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_client client = channel->client[i];
		struct link_memory *memory = (struct link_memory *)(uintptr_t)client.link;

		if (client.number == 0)
			continue;
		if (lie == FORGED_ANSWERS)
			forge_answers(memory, &client);
		else
			liar_scribble(memory, SLOT_POOL_OFFSET);
		(void)sys_event_signal(client.bell);
	}
}

/*
 * Writes to all of the channel, also what is the manager's: texts without an end, counts,
 * partitions.
 */
static void break_channel(void)
{
	struct driver_channel *channel = channel_of();

	liar_scribble(&channel->state,
		      DRIVER_CHANNEL_BYTES(1) - offsetof(struct driver_channel, state));
	for (u32 i = 0; i < RINGS; i++)
		(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}

void __wrap_client_publish(void)
{
	static u32 rounds;

	__real_client_publish();
	if (lie_told() == NO_LIE || (rounds++ < TRUTHS && lie_told() != WILD_START))
		return;
	switch (lie_told()) {
	case FORGED_ANSWERS:
	case WILD_INDICES:
		break_links(lie_told());
		break;
	case WILD_CHANNEL:
	case WILD_START:
		break_channel();
		break;
	case DEATHS:
		__builtin_trap();
	case HANG:
		for (;;)
			;
	case NO_LIE:
	case LIES:
		break;
	}
}
