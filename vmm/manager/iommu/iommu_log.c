/* SPDX-License-Identifier: MIT */
/*
 * Reads the records of refused accesses from a unit's registers (VT-d) or ring (AMD-Vi). Called by
 * iommu.c. Holds no state beyond the given log; the kernel leaves these registers alone.
 */
#include "vmm/manager/iommu/iommu_log.h"

#include "lib/bits.h"
#include "vmm/hw/amdvi_events.h"
#include "vmm/hw/vtd_faults.h"
#include "vmm/manager/iommu/iommu_registers.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static u32 iommu_log_read32(const struct iommu_log *log, u32 offset)
{
	return iommu_registers_read32(&log->registers, offset);
}

static u64 iommu_log_read64(const struct iommu_log *log, u32 offset)
{
	return iommu_registers_read64(&log->registers, offset);
}

static void iommu_log_write32(const struct iommu_log *log, u32 offset, u32 value)
{
	iommu_registers_write32(&log->registers, offset, value);
}

static void iommu_log_write64(const struct iommu_log *log, u32 offset, u64 value)
{
	iommu_registers_write64(&log->registers, offset, value);
}

/* --- VT-d: records among the registers (VT-d 7.3) --- */

static u32 iommu_log_vtd_first(const struct iommu_log *log)
{
	return (u32)bits_get(iommu_log_read64(log, VTD_CAPABILITY), 33, 24) * 16;
}

static u32 iommu_log_vtd_count(const struct iommu_log *log)
{
	return (u32)bits_get(iommu_log_read64(log, VTD_CAPABILITY), 47, 40) + 1;
}

static enum status iommu_log_vtd_open(struct iommu_log *log, u64 registers, u64 message)
{
	u32 bytes;

	if (!pci_memory_open(registers, PAGE_SIZE, &log->registers))
		return STATUS_BAD_ADDRESS;
	bytes = iommu_log_vtd_first(log) + iommu_log_vtd_count(log) * 16;
	if (bytes > PAGE_SIZE) {
		pci_memory_close(&log->registers);
		if (!pci_memory_open(registers, bytes, &log->registers))
			return STATUS_BAD_ADDRESS;
	}
	iommu_log_write32(log, VTD_FAULT_DATA, (u32)message);
	iommu_log_write32(log, VTD_FAULT_ADDRESS, (u32)(message >> 32));
	iommu_log_write32(log, VTD_FAULT_UPPER, 0);
	if (message != 0)
		iommu_log_write32(log, VTD_FAULT_CONTROL, 0);
	return STATUS_OK;
}

static bool iommu_log_vtd_take(const struct iommu_log *log, struct iommu_fault *fault)
{
	u32 record = iommu_log_vtd_first(log);

	for (u32 left = iommu_log_vtd_count(log); left > 0; left--, record += 16) {
		u64 what = iommu_log_read64(log, record + 8);

		if ((what & VTD_FAULT) == 0)
			continue;
		*fault = (struct iommu_fault){
			.address = align_down(iommu_log_read64(log, record), PAGE_SIZE),
			.reason = (u32)bits_get(what, 39, 32),
			.requester = (u16)what,
			.write = (what & VTD_FAULT_READ) == 0,
			.interrupt = bits_get(what, 39, 32) >= VTD_FAULT_INTERRUPTS,
			.lost = (iommu_log_read32(log, VTD_FAULT_STATUS) & VTD_FAULTS_LOST) != 0,
		};
		/* writing a one clears the record */
		iommu_log_write32(log, record + 12, (u32)(VTD_FAULT >> 32));
		iommu_log_write32(log, VTD_FAULT_STATUS, (u32)VTD_FAULTS_LOST);
		return true;
	}
	return false;
}

/* --- AMD-Vi: a ring in memory (AMD IOMMU specification, 2.5) --- */

static enum status iommu_log_amdvi_ring(struct iommu_log *log, u64 *hpa)
{
	handle_t memory = HANDLE_NONE;
	enum status status = sys_memory_create(start_handle(START_GROUP), AMDVI_RING_BYTES,
					       MEMORY_PINNED, &memory);
	u64 at = 0;

	if (status == STATUS_OK)
		status = sys_memory_address(start_handle(START_ROOT), memory, 0, hpa);
	if (status == STATUS_OK)
		status = sys_space_map(start_handle(START_SPACE), 0, memory, 0, AMDVI_RING_BYTES,
				       RIGHT_READ | RIGHT_WRITE, &at);
	log->events = (volatile u64 *)at;
	return status;
}

static enum status iommu_log_amdvi_open(struct iommu_log *log, u64 registers)
{
	u64 ring = 0;
	enum status status = iommu_log_amdvi_ring(log, &ring);

	if (status != STATUS_OK)
		return status;
	if (!pci_memory_open(registers, AMDVI_REGISTERS_END, &log->registers))
		return STATUS_BAD_ADDRESS;
	iommu_log_write64(log, AMDVI_EVENTS, ring | AMDVI_RING_256);
	iommu_log_write64(log, AMDVI_EVENT_HEAD, 0);
	iommu_log_write64(log, AMDVI_EVENT_TAIL, 0);
	iommu_log_write64(log, AMDVI_CONTROL,
			  iommu_log_read64(log, AMDVI_CONTROL) | AMDVI_LOG | AMDVI_LOG_INTERRUPT);
	return STATUS_OK;
}

/*
 * Restarts an AMD IOMMU's log after an overflow; until then the IOMMU writes nothing (AMD IOMMU
 * specification, 2.5.2). Returns whether there was one.
 */
static bool iommu_log_amdvi_restart(const struct iommu_log *log)
{
	u64 control = iommu_log_read64(log, AMDVI_CONTROL);

	if ((iommu_log_read64(log, AMDVI_STATUS) & AMDVI_LOG_OVERFLOW) == 0)
		return false;
	iommu_log_write64(log, AMDVI_CONTROL, control & ~AMDVI_LOG);
	iommu_log_write64(log, AMDVI_STATUS, AMDVI_LOG_OVERFLOW);
	iommu_log_write64(log, AMDVI_CONTROL, control);
	return true;
}

static bool iommu_log_amdvi_take(const struct iommu_log *log, struct iommu_fault *fault)
{
	u64 head = iommu_log_read64(log, AMDVI_EVENT_HEAD) % AMDVI_RING_BYTES;
	volatile u64 *event = &log->events[head / sizeof(u64)];
	u64 what;

	iommu_log_write64(log, AMDVI_STATUS, AMDVI_LOG_NEWS);
	if (head == iommu_log_read64(log, AMDVI_EVENT_TAIL) % AMDVI_RING_BYTES)
		return false;
	what = event[0];
	*fault = (struct iommu_fault){
		.address = align_down(event[1], PAGE_SIZE),
		.reason = (u32)bits_get(what, 63, 60),
		.requester = (u16)what,
		.write = (what & AMDVI_EVENT_WRITE) != 0,
		.interrupt = (what & AMDVI_EVENT_INTERRUPT) != 0,
	};
	iommu_log_write64(log, AMDVI_EVENT_HEAD, (head + 16) % AMDVI_RING_BYTES);
	fault->lost = iommu_log_amdvi_restart(log);
	return true;
}

enum status iommu_log_open(struct iommu_log *log, enum iommu_kind kind, u64 registers, u64 message)
{
	enum status status;

	*log = (struct iommu_log){.kind = kind};
	status = kind == IOMMU_VTD ? iommu_log_vtd_open(log, registers, message)
				   : iommu_log_amdvi_open(log, registers);
	log->open = status == STATUS_OK;
	return status;
}

bool iommu_log_take(const struct iommu_log *log, struct iommu_fault *fault)
{
	if (!log->open)
		return false;
	return log->kind == IOMMU_VTD ? iommu_log_vtd_take(log, fault)
				      : iommu_log_amdvi_take(log, fault);
}
