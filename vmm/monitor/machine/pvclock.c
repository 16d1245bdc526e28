/* SPDX-License-Identifier: MIT */
/*
 * The KVM clock: publishes time to the guest in its RAM. Called by vcpu.c and exits_msr.c; writes
 * the guest's pages and owns the clock's MSRs.
 */
#include "vmm/monitor/machine/pvclock.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"

#define SYSTEM_TIME_ENABLED BIT(0)

struct wall_clock_record {
	u32 version;
	u32 seconds;
	u32 nanoseconds;
};

bool pvclock_owns_msr(u32 msr)
{
	return msr == MSR_KVM_WALL_CLOCK || msr == MSR_KVM_SYSTEM_TIME;
}

u64 pvclock_read_msr(const struct pvclock *pvclock, u32 msr)
{
	return msr == MSR_KVM_WALL_CLOCK ? pvclock->wall_clock_msr : pvclock->system_time_msr;
}

void pvclock_scale(u64 tsc_khz, u32 *mul, s8 *shift)
{
	u64 numerator = NS_PER_MS;
	u64 denominator = tsc_khz;

	/* bring the factor into [1/2, 1) by a shift, so that `mul` has all of its 32 bits */
	*shift = 0;
	while (numerator >= denominator) {
		denominator <<= 1;
		(*shift)++;
	}
	while (numerator * 2 < denominator) {
		numerator <<= 1;
		(*shift)--;
	}
	*mul = (u32)mul_div(numerator, 1ull << 32, denominator);
}

void pvclock_update(const struct pvclock *pvclock, const struct guest_memory *memory,
		    const struct machine_clock *clock, bool stopped)
{
	struct pvclock_record record = {
		.tsc_timestamp = clock->guest_tsc,
		.system_time = clock->now_ns,
		.flags = PVCLOCK_TSC_STABLE,
	};
	gpa_t at = GPA(pvclock->system_time_msr & ~SYSTEM_TIME_ENABLED);
	u8 *guest = guest_memory_pointer(memory, at, sizeof(record));
	u32 *version = (u32 *)guest;
	u32 settled;

	if ((pvclock->system_time_msr & SYSTEM_TIME_ENABLED) == 0 || !is_aligned(at.value, 4) ||
	    guest == NULL)
		return;
	pvclock_scale(clock->tsc_khz, &record.tsc_to_system_mul, &record.tsc_shift);
	if (stopped)
		record.flags |= PVCLOCK_GUEST_STOPPED;
	settled = (__atomic_load_n(version, __ATOMIC_RELAXED) | 1u) + 1;
	record.version = settled - 1;
	__atomic_store_n(version, record.version, __ATOMIC_RELEASE);
	memcpy(guest, &record, sizeof(record));
	__atomic_store_n(version, settled, __ATOMIC_RELEASE);
}

/* Writes the KVM clock's record of wall time to guest RAM: the wall time when guest time was 0. */
static void pvclock_write_wall_clock(const struct pvclock *pvclock,
				     const struct guest_memory *memory,
				     const struct machine_clock *clock)
{
	u64 start = clock->wall_ns - MIN(clock->now_ns, clock->wall_ns);
	struct wall_clock_record record = {
		.version = 2,
		.seconds = (u32)(start / NS_PER_S),
		.nanoseconds = (u32)(start % NS_PER_S),
	};

	if (is_aligned(pvclock->wall_clock_msr, 4))
		(void)guest_memory_write(memory, GPA(pvclock->wall_clock_msr), &record,
					 sizeof(record));
}

void pvclock_write_msr(struct pvclock *pvclock, const struct guest_memory *memory,
		       const struct machine_clock *clock, u32 msr, u64 value)
{
	if (msr == MSR_KVM_WALL_CLOCK) {
		pvclock->wall_clock_msr = value;
		pvclock_write_wall_clock(pvclock, memory, clock);
	} else {
		pvclock->system_time_msr = value;
		pvclock_update(pvclock, memory, clock, false);
	}
}
