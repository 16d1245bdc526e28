/* SPDX-License-Identifier: MIT */
/*
 * A monitor whose memory never comes to rest, as its guest's command line says. `writer`: threads
 * write to all of the RAM through a mapping of their own, and trim it at two places in turn, so
 * that no step there is the second one. `giver`: one takes a few pages and gives them back, and one
 * takes what its group may have, but for the RAM's size and a little: who wants as many pages as
 * the RAM has finds that they are there, but on their way back.
 */
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/monitor/life/loop.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define GIVEN_PAGES 16u
#define SPARED	    24u /* pages: enough for what is given back once, not for twice */
#define TRIMMED	    (1024 * PAGE_SIZE) /* a part of the RAM in which the guest is not */

NORETURN void __real_loop_run(struct vcpu *vcpu);
NORETURN void __wrap_loop_run(struct vcpu *vcpu);

static u8 *ram;
static u64 ram_bytes;

static NORETURN void write_all(void *unused)
{
	(void)unused;
	for (;;) {
		for (u64 at = PAGE_SIZE / 2; at < ram_bytes; at += PAGE_SIZE)
			(void)__atomic_fetch_or(&ram[at], 0, __ATOMIC_RELAXED);
	}
}

static NORETURN void trim_in_turn(void *unused)
{
	u64 first = TRIMMED / PAGE_SIZE;

	(void)unused;
	(void)!sys_memory_discard(start_handle(START_RAM), first, 1); /* a block has none */
	for (u64 turn = 0;; turn++)
		(void)!syscall(SYS_MEMORY_DISCARD,
			       (const u64[]){start_handle(START_RAM), first + turn % 2 * 64, 1,
					     DISCARD_ZEROS, 0, 0},
			       NULL);
}

static NORETURN void give_back(void *unused)
{
	handle_t memory;
	u64 at;

	(void)unused;
	for (;;) {
		if (memory_take(GIVEN_PAGES * PAGE_SIZE, 0, &memory, &at) != STATUS_OK)
			continue;
		for (u32 i = 0; i < GIVEN_PAGES; i++)
			*(volatile u8 *)(uintptr_t)(at + i * PAGE_SIZE) = 1;
		memory_give_back(memory, at, GIVEN_PAGES * PAGE_SIZE);
	}
}

static NORETURN void hoard(void *unused)
{
	const struct group_page *account = unused;
	u64 wanted = ram_bytes / PAGE_SIZE + SPARED;
	handle_t memory;

	for (;;) {
		u64 used = READ_ONCE(account->used_pages);
		u64 left = READ_ONCE(account->quota_pages) - used;

		if (left > wanted + SPARED)
			(void)!sys_memory_create(start_handle(START_GROUP),
						 (left - wanted) * PAGE_SIZE, 0, &memory);
	}
}

static void begin(struct machine *machine, void (*function)(void *argument), void *argument)
{
	if (thread_start(function, argument) != STATUS_OK)
		machine_log(machine, "liar: a thread is missing");
}

static void begin_writers(struct machine *machine)
{
	begin(machine, write_all, NULL);
	begin(machine, trim_in_turn, NULL);
}

static void begin_givers(struct machine *machine)
{
	handle_t page;
	u64 at = 0;

	for (u64 i = 0; i < ram_bytes; i += PAGE_SIZE)
		(void)__atomic_fetch_or(&ram[i], 0, __ATOMIC_RELAXED);
	if (sys_group_page(start_handle(START_GROUP), &page) != STATUS_OK ||
	    sys_space_map(start_handle(START_SPACE), 0, page, 0, PAGE_SIZE, RIGHT_READ, &at) !=
		    STATUS_OK)
		machine_log(machine, "liar: its account is missing");
	begin(machine, hoard, (void *)(uintptr_t)at);
	begin(machine, give_back, NULL);
}

NORETURN void __wrap_loop_run(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;

	ram = machine->job.ram;
	ram_bytes = machine->job.ram_bytes;
	if (strcmp(start_info->command_line, "writer") == 0)
		begin_writers(machine);
	if (strcmp(start_info->command_line, "giver") == 0)
		begin_givers(machine);
	__real_loop_run(vcpu);
}
