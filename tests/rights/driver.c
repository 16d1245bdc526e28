/* SPDX-License-Identifier: MIT */
/*
 * Takes the place of the IDE driver and tries what a driver may not. What must end it is tried one
 * by one, a process each: the number of the next one is in the memory that outlives it. The last
 * process tries all system calls. The result is the driver's reason to give up.
 */
#include "lib/string.h"
#include "tests/hostile/shapes.h"
#include "vmm/io/driver_channel.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define CMOS_DATA    0x71u
#define OTHER_MASTER 0x170u /* the controller's other channel */
#define POOL_MAX     16u

static struct driver_channel *channel;
static u8 *memory; /* the driver's own memory */
static u64 memory_bytes;
static handle_t queue;
static struct {
	enum start_kind kind; /* the kind of a handle to try; START_NONE: the driver's queue */
	handle_t handle;
} pool[POOL_MAX];
static u32 pool_count;
static u32 refused;

static NORETURN void say(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(channel->reason, sizeof(channel->reason), pattern, arguments);
	va_end(arguments);
	__atomic_store_n(&channel->state, DRIVER_FAILED, __ATOMIC_RELEASE);
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
	rt_fail("rights");
}

static void read_port(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
}

/* Each must end the process. */
static void try_port(void)
{
	read_port(CMOS_DATA);
}

static void try_other_channel(void)
{
	read_port(OTHER_MASTER);
}

static void try_address_list(void)
{
	*(volatile u64 *)(uintptr_t)start_find(START_DMA_ADDRESSES)->offset = 0;
}

static void try_beyond_memory(void)
{
	(void)*(volatile u8 *)(memory + memory_bytes);
}

extern volatile u64 __stack_chk_guard;

/* Writes to the canary, which would be noticed at the next return. */
static void try_canary(void)
{
	u64 was = __stack_chk_guard;

	__stack_chk_guard = 0;
	__stack_chk_guard = was;
}

static void (*const deadly[])(void) = {try_port, try_other_channel, try_address_list,
				       try_beyond_memory, try_canary};

static void add(enum start_kind kind, handle_t handle)
{
	if (pool_count == POOL_MAX)
		say("more handles than %u", POOL_MAX);
	pool[pool_count].kind = kind;
	pool[pool_count++].handle = handle;
}

static void fill_pool(void)
{
	for (u32 i = 0; i < start_info->entry_count && i < START_ENTRY_MAX; i++) {
		if (start_info->entry[i].handle != HANDLE_NONE)
			add((enum start_kind)start_info->entry[i].kind,
			    start_info->entry[i].handle);
	}
	if (sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK)
		say("no queue can be made");
	add(START_NONE, queue);
}

/* Making objects costs the driver's own quota; nothing it makes can be mapped in its space. */
static bool is_allowed(u64 call, enum start_kind first, enum start_kind second)
{
	switch (call) {
	case SYS_OBJECT_BIND:
		return (first == START_CHANNEL_IN || first == START_IRQ) && second == START_NONE;
	case SYS_MEMORY_CREATE:
	case SYS_SPACE_CREATE:
	case SYS_QUEUE_CREATE:
	case SYS_EVENT_CREATE:
		return first == START_GROUP;
	case SYS_EVENT_SIGNAL:
		return first == START_CHANNEL_OUT;
	case SYS_IRQ_UNMASK:
		return first == START_IRQ;
	case SYS_QUEUE_WAIT:
		return first == START_NONE;
	default:
		return false;
	}
}

/* Returns whether the call would end the driver's own queue, which it may. */
static bool ends_queue(u64 call, u32 first)
{
	return call == SYS_OBJECT_DESTROY && pool[first].kind == START_NONE;
}

/* Numbers that would be right, so that it is the handle for which a call is refused. */
static void plain_arguments(u64 call, u64 a[6])
{
	for (u32 i = 1; i < 6; i++)
		a[i] = call == SYS_QUEUE_WAIT || call == SYS_MEMORY_CREATE ? 0 : 1;
	if (call == SYS_MEMORY_CREATE)
		a[1] = PAGE_SIZE;
}

/*
 * Returns whether the call asks how the driver has itself ended, which it may ask: it has not
 * ended.
 */
static bool asks_itself(u64 call, u32 first)
{
	return call == SYS_PROCESS_STATUS && pool[first].kind == START_SELF;
}

static void try_call(u64 call, u32 first, u32 second)
{
	struct syscall_result result;
	u64 a[6] = {0};

	if (ends_queue(call, first))
		return;
	plain_arguments(call, a);
	a[0] = pool[first].handle;
	for (u32 i = 1; i < 4; i++) {
		if ((call_shapes[call] >> i & 1) != 0)
			a[i] = pool[second].handle;
	}
	result = syscall_raw(call, a);
	if (is_allowed(call, pool[first].kind, pool[second].kind)) {
		if (result.status != STATUS_OK && result.status != STATUS_TIMED_OUT)
			say("call %lu is refused: %lu", call, result.status);
		return;
	}
	if (asks_itself(call, first) && result.status == STATUS_BAD_STATE)
		return;
	if (result.status != STATUS_NO_RIGHT && result.status != STATUS_BAD_HANDLE &&
	    !(call == SYS_OBJECT_BIND && result.status == STATUS_BAD_ARGUMENT))
		say("call %lu of kind %u with kind %u returned %lu", call, pool[first].kind,
		    pool[second].kind, result.status);
	refused++;
}

/* Returns whether the call takes no handle, or would end what the test needs. */
static bool is_left_out(u64 call)
{
	return (call_shapes[call] & 1) == 0 || call == SYS_HANDLE_CLOSE ||
	       call == SYS_THREAD_YIELD || call == SYS_THREAD_RESERVE;
}

static void try_calls(void)
{
	for (u64 call = 0; call < SYS_COUNT; call++) {
		for (u32 i = 0; i < pool_count * pool_count && !is_left_out(call); i++)
			try_call(call, i / pool_count, i % pool_count);
	}
}

int main(void)
{
	const struct start_entry *entry = start_find(START_DMA);
	u32 *next = (u32 *)(uintptr_t)entry->offset;
	u32 number = *next;

	channel = (struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
	memory = (u8 *)(uintptr_t)entry->offset;
	memory_bytes = entry->value;
	if (number < ARRAY_COUNT(deadly)) {
		*next = number + 1;
		deadly[number]();
		say("attempt %u has not ended it", number);
	}
	fill_pool();
	try_calls();
	say("all is as it should be: %u calls refused with %u handles", refused, pool_count);
}
