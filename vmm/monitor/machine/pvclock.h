/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/bus/device.h"
#include "vmm/monitor/memory/guest_memory.h"

/* The KVM clock: Linux Documentation/virt/kvm/x86/msr.rst. */
#define MSR_KVM_WALL_CLOCK  0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u

struct pvclock_record {
	u32 version; /* the record's version, odd while the record is being written */
	u32 pad0;
	u64 tsc_timestamp;
	u64 system_time; /* the guest's time in ns at tsc_timestamp */
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags; /* enum pvclock_flag */
	u8 pad[2];
};
_Static_assert(sizeof(struct pvclock_record) == 32, "struct pvclock_vcpu_time_info");

enum pvclock_flag {
	PVCLOCK_TSC_STABLE = 1 << 0, /* the clock's readings on different vCPUs may be compared */
	PVCLOCK_GUEST_STOPPED = 1 << 1, /* the VM was paused; the guest clears the bit */
};

/* The monitor's state of one vCPU's KVM clock. */
struct pvclock {
	u64 system_time_msr;
	u64 wall_clock_msr;
};

bool pvclock_owns_msr(u32 msr);
u64 pvclock_read_msr(const struct pvclock *pvclock, u32 msr);
/*
 * Takes the address of a record that the guest writes to an MSR, and writes the record there; an
 * address outside RAM is kept but not used.
 */
void pvclock_write_msr(struct pvclock *pvclock, const struct guest_memory *memory,
		       const struct machine_clock *clock, u32 msr, u64 value);

/*
 * Writes the system-time record anew, if the guest has one: after a pause, or when the guest's TSC
 * has jumped.
 */
void pvclock_update(const struct pvclock *pvclock, const struct guest_memory *memory,
		    const struct machine_clock *clock, bool stopped);

/* Computes the factors of ns = ((cycles << shift) * mul) >> 32; a negative `shift` goes right. */
void pvclock_scale(u64 tsc_khz, u32 *mul, s8 *shift);
