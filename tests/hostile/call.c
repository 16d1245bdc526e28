/* SPDX-License-Identifier: MIT */
/*
 * Makes one system call with drawn arguments and looks at what it reveals. Called by the boss and
 * its children in a loop; keeps a pool of handles.
 */
#include "tests/hostile/hostile.h"
#include "tests/hostile/shapes.h"
#include "vmm/rt/clock.h"

#define STATUS_MAX 31u
#define WAIT_TSC   300000u

static bool is_among_first(u32 count, u64 handle)
{
	for (u32 i = 0; i < count; i++) {
		if (pool[i] == handle)
			return true;
	}
	return false;
}

static bool is_kept(u64 handle)
{
	return is_among_first(pool_kept, handle);
}

/* Returns a handle: mostly one of the pool; now and then forged, out of date or any number. */
static u64 draw_handle(struct hostile *self)
{
	u64 r = draw(self);

	if (r % 16 == 0)
		return draw_value(self);
	if (r % 16 == 1)
		return ((r >> 8) % 260) | ((r >> 20) % 4) << 16;
	return pool[(r >> 8) % POOL];
}

static void pool_put(struct hostile *self, u64 handle)
{
	u64 i = pool_kept + draw(self) % (POOL - pool_kept);

	if (pool[i] != HANDLE_NONE && (self->boss || draw(self) % 4 != 0))
		(void)syscall_raw(SYS_HANDLE_CLOSE, (const u64[6]){pool[i]});
	pool[i] = handle;
}

void pool_close(void)
{
	for (u32 i = pool_kept; i < POOL; i++) {
		if (pool[i] != HANDLE_NONE)
			(void)syscall_raw(SYS_HANDLE_CLOSE, (const u64[6]){pool[i]});
		pool[i] = HANDLE_NONE;
	}
}

/*
 * Returns whether a call would end the boss, or leave something behind that the boss cannot find
 * again.
 */
static bool boss_refuses(u64 number, const u64 a[6])
{
	bool own = a[0] == own_self || a[0] == own_space || a[0] == own_group || a[0] == own_root;

	/*
	 * objects charged to the boss's group may keep themselves for ever, by a cycle of handles
	 */
	if (a[0] == own_group)
		return true;
	switch (number) {
	case SYS_PROCESS_EXIT:
	case SYS_MACHINE_RESET:
	case SYS_VCPU_RUN:
	case SYS_GROUP_CREATE:
	case SYS_IOMMU_CREATE: /* the kernel would take any registers for an IOMMU's */
		return true;
	case SYS_HANDLE_CLOSE:
	case SYS_PROCESS_SPACE:
	case SYS_OBJECT_DESTROY:
		return own || is_kept(a[0]);
	case SYS_HANDLE_GRANT:
		return a[1] == own_root || a[1] == own_space || a[1] == own_self ||
		       a[1] == own_group || a[0] == own_self ||
		       ((a[2] & RIGHT_DESTROY) != 0 && is_among_first(pool_own, a[1]));
	case SYS_SPACE_MAP:
	case SYS_SPACE_UNMAP:
	case SYS_THREAD_CREATE:
	case SYS_PORTS_GRANT:
	case SYS_GROUP_SET:
	case SYS_THREAD_RESERVE:
	case SYS_OBJECT_BIND:
		return own || a[0] == HANDLE_NONE;
	default:
		return number >= SYS_COUNT;
	}
}

/* Returns whether a call would end a child, or its own thread, too early to be of much use. */
static bool child_refuses(struct hostile *self, u64 number, const u64 a[6])
{
	switch (number) {
	case SYS_PROCESS_EXIT:
		return draw(self) % 5000 != 0;
	case SYS_OBJECT_DESTROY:
	case SYS_HANDLE_CLOSE:
		return is_kept(a[0]) && draw(self) % 3000 != 0;
	case SYS_SPACE_UNMAP:
	case SYS_VCPU_RUN:
		return draw(self) % 4 != 0;
	default:
		return false;
	}
}

/* Arguments that have a chance to be accepted. */
static void improve(struct hostile *self, u64 number, u64 a[6])
{
	bool often = draw(self) % 2 != 0;

	if (number == SYS_SPACE_MAP && often) {
		a[1] = draw(self) % 2 != 0 ? 0 : (draw(self) % 64) << 12;
		a[3] = (draw(self) % 4) << 12;
		a[4] = (1 + draw(self) % 8) << 12;
		a[5] = draw(self) % 8;
	} else if (number == SYS_MEMORY_CREATE && often) {
		a[1] = draw(self) % 0x300000;
		a[2] = draw(self) % 8;
	} else if (number == SYS_VCPU_CREATE && often) {
		a[2] = (draw(self) % 3) << 12;
	} else if (number == SYS_QUEUE_WAIT && (self->boss || a[1] > clock_tsc() + WAIT_TSC) &&
		   (self->boss || draw(self) % 1000)) {
		a[1] = draw(self) % 4 != 0 ? 0 : clock_tsc() + draw(self) % (WAIT_TSC / 3);
	}
}

static void check_result(u64 number, const u64 a[6], const struct syscall_result *result)
{
	if (result->status != STATUS_OK && result->value != 0 && number != SYS_QUEUE_WAIT &&
	    number != SYS_VCPU_RUN && number != SYS_THREAD_RESERVE)
		leak(LEAK_VALUE, number, result->value);
	if (number == SYS_SPACE_MAP && result->status == STATUS_OK && a[1] == 0 &&
	    (result->value & PAGE_MASK) != 0)
		leak(LEAK_PLACE, a[0], result->value);
	/*
	 * SYS_VCPU_RUN leaves RDI as it was; SYS_AUDIT returns kernel addresses, but only to a
	 * holder of the root.
	 */
	if (is_kernel_address(result->value) && number != SYS_QUEUE_WAIT &&
	    number != SYS_VCPU_RUN && (number != SYS_AUDIT || own_root == HANDLE_NONE))
		leak(LEAK_ADDRESS, number, result->value);
	if (is_kernel_address(result->rdx) || is_kernel_address(result->rcx) ||
	    is_kernel_address(result->r11))
		leak(LEAK_REGISTER, number, result->rdx);
	if (result->status > STATUS_MAX)
		leak(LEAK_STATUS, number, result->status);
}

void call_random(struct hostile *self)
{
	u64 number = draw(self) % (SYS_COUNT + 2);
	struct syscall_result result;
	u64 shape;
	u64 a[6];

	if (number >= SYS_COUNT)
		number = draw_value(self);
	shape = number < SYS_COUNT ? call_shapes[number] : 0;
	for (u32 i = 0; i < 6; i++)
		a[i] = (shape >> i & 1) != 0 ? draw_handle(self) : draw_value(self);
	improve(self, number, a);
	if (number == SYS_THREAD_CREATE && draw(self) % 8 != 0)
		return;
	if (self->boss ? boss_refuses(number, a) : child_refuses(self, number, a))
		return;
	result = syscall_raw(number, a);
	shared->calls++;
	shared->by_status[result.status & 15]++;
	check_result(number, a, &result);
	if (result.status == STATUS_OK && (shape & CALL_MAKES) != 0)
		pool_put(self, result.value);
}
