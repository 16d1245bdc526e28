/* SPDX-License-Identifier: MIT */
/*
 * The object lock, which one CPU has alone or several share, and the references that a CPU may only
 * put while it has that lock alone. All code that relates objects to each other calls it;
 * kernel/object/object_lock.h says what it guards. It owns `object_turn`, each CPU's `shares` flag
 * and each CPU's list of dropped objects.
 */
#include "kernel/object/object_lock.h"
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/percpu.h"
#include "lib/lock.h"

/*
 * Held by the CPU that has the object lock alone; awaited by CPUs that want it alone, and by those
 * that want to share it while another has it alone.
 */
static struct lock object_turn;
static bool object_alone;

void object_lock(void)
{
	lock_acquire(&object_turn, LOCK_OBJECTS);
	/*
	 * Either a CPU that begins to share the lock sees this store, or the loop below sees that
	 * CPU's flag `shares`.
	 */
	__atomic_store_n(&object_alone, true, __ATOMIC_SEQ_CST);
	for (u32 id = 0; id < cpus_count(); id++) {
		while (__atomic_load_n(&cpus_get(id)->shares, __ATOMIC_SEQ_CST))
			__builtin_ia32_pause();
	}
}

void object_unlock(void)
{
	__atomic_store_n(&object_alone, false, __ATOMIC_RELEASE);
	lock_release(&object_turn, LOCK_OBJECTS);
}

/*
 * Begins to share the object lock while this CPU holds object_turn: no CPU has the lock alone then,
 * and the next CPU that wants it alone waits for this one.
 */
static NOINLINE void object_share_in_turn(struct cpu *cpu)
{
	__atomic_store_n(&cpu->shares, false, __ATOMIC_RELEASE);
	lock_acquire(&object_turn, LOCK_OBJECTS);
	__atomic_store_n(&cpu->shares, true, __ATOMIC_SEQ_CST);
	lock_release(&object_turn, LOCK_OBJECTS);
}

void object_share(void)
{
	struct cpu *cpu = this_cpu();
	bool waited;

	__atomic_store_n(&cpu->shares, true, __ATOMIC_SEQ_CST);
	waited = __atomic_load_n(&object_alone, __ATOMIC_SEQ_CST);
	if (unlikely(waited))
		object_share_in_turn(cpu);
	lock_check_acquire(LOCK_SHARED, waited);
}

void object_unshare(void)
{
	lock_check_release(LOCK_SHARED);
	__atomic_store_n(&this_cpu()->shares, false, __ATOMIC_RELEASE);
}

void object_drop(struct object *object)
{
	struct cpu *cpu = this_cpu();

	if (object_put_unless_last(object))
		return;
	list_push_back(&cpu->dropped, &object->node);
	cpus_pend(cpu, PENDING_DROPPED);
}

void object_put_dropped(struct cpu *cpu)
{
	object_lock();
	while (!list_empty(&cpu->dropped)) {
		struct object *object = LIST_ENTRY(cpu->dropped.next, struct object, node);

		list_remove(&object->node);
		object_put(object);
	}
	object_unlock();
}
