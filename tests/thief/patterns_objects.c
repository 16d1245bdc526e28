/* SPDX-License-Identifier: MIT */
/* Patterns that make the kernel work: pages, translations, objects; calls that take many steps. */
#include "lib/bits.h"
#include "tests/thief/thief.h"
#include "vmm/rt/memory.h"

#define RANGE_BYTES (16 * PAGE_SIZE)
#define TOUCH_BYTES (64 * PAGE_SIZE)
#define LARGE_BYTES (8 * MIB)
#define PIECE_BYTES (2 * MIB)

static void touch(u64 at, u64 bytes, u64 step)
{
	for (u64 i = 0; i < bytes; i += step)
		*(volatile u8 *)(at + i) = 1;
}

static u64 map(handle_t memory, u64 bytes)
{
	const u64 arguments[6] = {own_space, 0, memory, 0, bytes, RIGHT_READ | RIGHT_WRITE};
	u64 at = 0;

	return timed(SYS_SPACE_MAP, arguments, &at) == STATUS_OK ? at : 0;
}

static void unmap(u64 at, u64 bytes)
{
	while (timed(SYS_SPACE_UNMAP, (const u64[6]){own_space, at, bytes}, NULL) == STATUS_AGAIN)
		;
}

static handle_t make(enum syscall number, u64 a, u64 b, u64 c, u64 d)
{
	u64 value = HANDLE_NONE;

	return timed(number, (const u64[6]){a, b, c, d}, &value) == STATUS_OK ? (handle_t)value
									      : HANDLE_NONE;
}

static void destroy(handle_t handle)
{
	if (handle == HANDLE_NONE)
		return;
	while (timed(SYS_OBJECT_DESTROY, (const u64[6]){handle}, NULL) == STATUS_AGAIN)
		;
}

void unmap_prepare(struct thief *self)
{
	if (sys_memory_create(own_group, RANGE_BYTES, MEMORY_SMALL, &self->memory) != STATUS_OK)
		self->memory = HANDLE_NONE;
}

/* Unmaps pages, which stay: their translations do not. */
void unmap_step(struct thief *self)
{
	u64 at = map(self->memory, RANGE_BYTES);

	if (at == 0)
		return;
	touch(at, RANGE_BYTES, PAGE_SIZE);
	unmap(at, RANGE_BYTES);
}

/* Pages that must wait until no CPU can hold a translation. */
void touch_step(struct thief *self)
{
	handle_t memory = make(SYS_MEMORY_CREATE, own_group, TOUCH_BYTES, MEMORY_SMALL, 0);
	u64 at = map(memory, TOUCH_BYTES);

	(void)self;
	if (at != 0) {
		touch(at, TOUCH_BYTES, PAGE_SIZE);
		unmap(at, TOUCH_BYTES);
	}
	destroy(memory);
}

static void thread_main(void *argument)
{
	u64 key;

	(void)argument;
	for (;;)
		(void)!sys_queue_wait(HANDLE_NONE, ~0ull, &key);
}

/* Objects of all kinds that a monitor can make. */
void teardown_step(struct thief *self)
{
	static u8 stacks[THIEVES][512];
	u8 *stack = stacks[self->number] + sizeof(stacks[0]) - 8;
	handle_t handles[7];
	handle_t memory =
		make(SYS_MEMORY_CREATE, own_group, VCPU_PAGES * PAGE_SIZE, MEMORY_PINNED, 0);

	handles[0] = make(SYS_QUEUE_CREATE, own_group, 0, 0, 0);
	handles[1] = make(SYS_VCPU_CREATE, start_handle(START_VM), memory, 0, handles[0]);
	handles[2] = make(SYS_EVENT_CREATE, own_group, 0, 0, 0);
	handles[3] = make(SYS_SPACE_CREATE, own_group, 0, 0, 0);
	handles[4] = make(SYS_VM_CREATE, own_group, handles[3], 0, 0);
	handles[5] = make(SYS_THREAD_CREATE, own_self, (u64)(uintptr_t)thread_main,
			  (u64)(uintptr_t)stack, 0);
	handles[6] = memory;
	if (handles[2] != HANDLE_NONE && handles[0] != HANDLE_NONE)
		(void)!sys_object_bind(handles[2], handles[0], 1);
	for (u32 i = 0; i < ARRAY_COUNT(handles); i++)
		destroy(handles[(self->round + i) % ARRAY_COUNT(handles)]);
	self->round++;
}

/* Objects that nobody has time to free: their number is bounded by the quota alone. */
void hoard_step(struct thief *self)
{
	(void)self;
	destroy(make(SYS_MEMORY_CREATE, own_group, PAGE_SIZE, 0, 0));
}

/*
 * Makes calls that take many steps: pieces of 2 MiB to clear, large ranges to unmap, much to free.
 */
void again_step(struct thief *self)
{
	handle_t memory = make(SYS_MEMORY_CREATE, own_group, LARGE_BYTES, 0, 0);
	u64 at = map(memory, LARGE_BYTES);

	(void)self;
	if (at != 0) {
		touch(at, LARGE_BYTES, PIECE_BYTES);
		unmap(at, LARGE_BYTES);
	}
	destroy(memory);
}
