/* SPDX-License-Identifier: MIT */
/*
 * Locks among a process's threads (mutex.h). Called by the monitor for the lock of its struct
 * machine; waits in the kernel on the calling thread's own queue.
 */
#include "vmm/rt/mutex.h"

#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * The number of attempts to take a lock before the thread waits: about as long as a holder on
 * another CPU keeps the lock. Further attempts are useless, as the holder may not run.
 */
#define SPIN_COUNT 100

static bool mutex_spin(struct mutex *mutex)
{
	for (u32 i = 0; i < SPIN_COUNT; i++) {
		if (__atomic_load_n(&mutex->held, __ATOMIC_RELAXED) == 0 && mutex_try(mutex))
			return true;
		__asm__ volatile("pause");
	}
	return false;
}

/* Discards a wake-up of this thread that mutex_pass_on has noted earlier. */
static void mutex_forget_wakeup(struct mutex *mutex, u32 thread)
{
	u32 self = thread + 1;

	__atomic_compare_exchange_n(&mutex->woken, &self, 0, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_RELAXED);
}

/*
 * Waits for the lock and takes it. `waiting` and `woken` are written before each try. So either the
 * try succeeds, or the holder unlocks after the try and then finds this thread in `waiting`. Pairs
 * with mutex_unlock.
 */
static void mutex_wait(struct mutex *mutex, u32 thread, handle_t queue)
{
	u64 key;

	__atomic_fetch_or(&mutex->waiting, BIT(thread), __ATOMIC_SEQ_CST);
	mutex_forget_wakeup(mutex, thread);
	while (!mutex_try(mutex)) {
		if (sys_queue_wait(queue, ~0ull, &key) != STATUS_OK)
			rt_fail("mutex");
		mutex_forget_wakeup(mutex, thread);
	}
	__atomic_fetch_and(&mutex->waiting, ~BIT(thread), __ATOMIC_SEQ_CST);
}

void mutex_lock(struct mutex *mutex, u32 thread, handle_t queue)
{
	if (!mutex_try(mutex) && !mutex_spin(mutex))
		mutex_wait(mutex, thread, queue);
}

/*
 * Wakes one waiter, and no other until that waiter has tried to take the lock: its own unlock wakes
 * the next. A thread that was woken but has the lock already does not count as woken.
 */
void mutex_pass_on(struct mutex *mutex)
{
	u64 waiting = __atomic_load_n(&mutex->waiting, __ATOMIC_SEQ_CST);
	u32 woken;
	u32 thread;

	if (waiting == 0)
		return;
	woken = __atomic_load_n(&mutex->woken, __ATOMIC_SEQ_CST);
	if (woken != 0 && (waiting & BIT(woken - 1)) != 0)
		return;
	thread = bit_lowest(waiting);
	if (__atomic_compare_exchange_n(&mutex->woken, &woken, thread + 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_RELAXED))
		(void)sys_event_signal(mutex->event[thread]);
}
