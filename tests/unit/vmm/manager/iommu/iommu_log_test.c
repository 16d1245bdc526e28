/* SPDX-License-Identifier: MIT */
/* What units of either kind say of the accesses that they have refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/manager/iommu/iommu_log.c"

#define REGISTERS 0xfed90000ull
#define RING	  0x7000ull

static _Alignas(PAGE_SIZE) u8 registers[5 * PAGE_SIZE];
static _Alignas(PAGE_SIZE) u64 ring[PAGE_SIZE / sizeof(u64)];
static u64 mapped;
static struct iommu_log unit;
static bool no_memory;
static bool stopped; /* the log has been, and may go on */

static u64 *word(u32 offset)
{
	return (u64 *)(void *)(registers + offset);
}

static u32 *half(u32 offset)
{
	return (u32 *)(void *)(registers + offset);
}

u32 iommu_registers_read32(const struct pci_memory *memory, u32 offset)
{
	assert_true(offset + 4 <= mapped && memory->at == registers);
	return *half(offset);
}

u64 iommu_registers_read64(const struct pci_memory *memory, u32 offset)
{
	assert_true(offset + 8 <= mapped && memory->at == registers);
	return *word(offset);
}

/* Bits of fault status and of a record's last word are cleared by a one. */
void iommu_registers_write32(const struct pci_memory *memory, u32 offset, u32 value)
{
	assert_true(offset + 4 <= mapped && memory->at == registers);
	if (offset == VTD_FAULT_STATUS || (offset >= 0x200 && offset % 16 == 12))
		*half(offset) &= ~value;
	else
		*half(offset) = value;
}

void iommu_registers_write64(const struct pci_memory *memory, u32 offset, u64 value)
{
	assert_true(offset + 8 <= mapped && memory->at == registers);
	if (offset == AMDVI_STATUS)
		*word(offset) &= ~value;
	else
		*word(offset) = value;
	stopped |= offset == AMDVI_CONTROL && (value & AMDVI_LOG) == 0;
}

bool pci_memory_open(u64 hpa, u64 bytes, struct pci_memory *memory)
{
	assert_int_equal(hpa, REGISTERS);
	assert_int_equal(mapped, 0);
	assert_true(bytes <= sizeof(registers));
	mapped = align_up(bytes, PAGE_SIZE);
	memory->at = registers;
	return true;
}

void pci_memory_close(struct pci_memory *memory)
{
	(void)memory;
	mapped = 0;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind + 1;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	(void)group;
	assert_int_equal(bytes, PAGE_SIZE);
	assert_int_equal(flags, MEMORY_PINNED);
	*memory = 7;
	return no_memory ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status sys_memory_address(handle_t root, handle_t memory, u64 offset, u64 *hpa)
{
	(void)root, (void)memory;
	assert_int_equal(offset, 0);
	*hpa = RING;
	return STATUS_OK;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space, (void)at, (void)memory, (void)offset, (void)bytes, (void)rights;
	*address = (u64)(uintptr_t)ring;
	return STATUS_OK;
}

static int set_up(void **state)
{
	(void)state;
	memset(registers, 0, sizeof(registers));
	memset(ring, 0, sizeof(ring));
	mapped = 0;
	no_memory = false;
	stopped = false;
	return 0;
}

/* `count` records at `offset`. */
static void open_vtd(u64 offset, u64 count)
{
	*word(VTD_CAPABILITY) = offset / 16 << 24 | (count - 1) << 40;
	*half(VTD_FAULT_CONTROL) = (u32)BIT(31);
	assert_int_equal(iommu_log_open(&unit, IOMMU_VTD, REGISTERS, 0xfee01000ull << 32 | 0x71),
			 STATUS_OK);
}

static void test_vtd(void **state)
{
	struct iommu_fault fault;

	(void)state;
	open_vtd(0x220, 2);
	assert_int_equal(mapped, PAGE_SIZE);
	assert_int_equal(*half(VTD_FAULT_DATA), 0x71);
	assert_int_equal(*half(VTD_FAULT_ADDRESS), 0xfee01000);
	assert_int_equal(*half(VTD_FAULT_CONTROL), 0);
	assert_false(iommu_log_take(&unit, &fault));
	*word(0x230) = 0x123456789abc;
	*word(0x238) = VTD_FAULT | 5ull << 32 | 0x420;
	assert_true(iommu_log_take(&unit, &fault));
	assert_int_equal(fault.address, 0x123456789000);
	assert_int_equal(fault.reason, 5);
	assert_int_equal(fault.requester, 0x420);
	assert_true(fault.write && !fault.lost);
	assert_false(iommu_log_take(&unit, &fault));
	*half(VTD_FAULT_STATUS) = (u32)(VTD_FAULTS_LOST | BIT(1));
	*word(0x228) = VTD_FAULT | VTD_FAULT_READ | 6ull << 32 | 0xfff8;
	assert_true(iommu_log_take(&unit, &fault));
	assert_true(fault.lost && !fault.write);
	assert_int_equal(fault.requester, 0xfff8);
	assert_int_equal(*half(VTD_FAULT_STATUS), BIT(1));
	assert_false(fault.interrupt);
	*word(0x228) = VTD_FAULT | 0x25ull << 32 | 0x20;
	assert_true(iommu_log_take(&unit, &fault));
	assert_true(fault.interrupt);
}

/* Without an interrupt; with records that lie beyond the first page. */
static void test_vtd_far(void **state)
{
	struct iommu_fault fault;

	(void)state;
	open_vtd(0xff0, 256);
	assert_int_equal(mapped, 2 * PAGE_SIZE);
	*word(0xff8 + 255 * 16) = VTD_FAULT | 3; /* the last record */
	assert_true(iommu_log_take(&unit, &fault));
	assert_int_equal(fault.requester, 3);
	pci_memory_close(&unit.registers);
	*half(VTD_FAULT_CONTROL) = (u32)BIT(31);
	assert_int_equal(iommu_log_open(&unit, IOMMU_VTD, REGISTERS, 0), STATUS_OK);
	assert_int_equal(*half(VTD_FAULT_CONTROL), BIT(31));
}

static void put_event(u64 first, u64 second)
{
	u64 tail = *word(AMDVI_EVENT_TAIL);

	ring[tail / 8] = first;
	ring[tail / 8 + 1] = second;
	*word(AMDVI_EVENT_TAIL) = (tail + 16) % PAGE_SIZE;
}

static void test_amdvi(void **state)
{
	struct iommu_fault fault;

	(void)state;
	*word(AMDVI_CONTROL) = AMDVI_ENABLE | AMDVI_RUN;
	assert_int_equal(iommu_log_open(&unit, IOMMU_AMDVI, REGISTERS, 0), STATUS_OK);
	assert_int_equal(mapped, AMDVI_REGISTERS_END);
	assert_int_equal(*word(AMDVI_EVENTS), RING | 8ull << 56);
	assert_int_equal(*word(AMDVI_CONTROL),
			 AMDVI_ENABLE | AMDVI_RUN | AMDVI_LOG | AMDVI_LOG_INTERRUPT);
	assert_false(iommu_log_take(&unit, &fault));
	for (u32 i = 0; i < 300; i++) { /* more events than the ring holds */
		put_event(2ull << 60 | (i % 2 != 0 ? AMDVI_EVENT_WRITE : 0) | i, i * PAGE_SIZE + 5);
		*word(AMDVI_STATUS) = AMDVI_LOG_NEWS;
		assert_true(iommu_log_take(&unit, &fault));
		assert_int_equal(*word(AMDVI_STATUS), 0);
		assert_int_equal(fault.requester, i);
		assert_int_equal(fault.address, i * PAGE_SIZE);
		assert_int_equal(fault.reason, 2);
		assert_true(fault.write == (i % 2 != 0) && !fault.lost);
	}
	assert_false(iommu_log_take(&unit, &fault));
}

/*
 * An overflow is reported once, and the log goes on; without memory for the ring nothing is known.
 */
static void test_amdvi_overflow(void **state)
{
	struct iommu_fault fault;

	(void)state;
	*word(AMDVI_CONTROL) = AMDVI_ENABLE | AMDVI_RUN;
	assert_int_equal(iommu_log_open(&unit, IOMMU_AMDVI, REGISTERS, 0), STATUS_OK);
	put_event(2ull << 60 | 9, 0);
	put_event(2ull << 60 | BIT(51) | 10, 0);
	*word(AMDVI_STATUS) = AMDVI_LOG_OVERFLOW | AMDVI_LOG_NEWS;
	assert_true(iommu_log_take(&unit, &fault));
	assert_true(fault.lost && stopped && !fault.interrupt);
	assert_int_equal(*word(AMDVI_STATUS), 0);
	assert_int_equal(*word(AMDVI_CONTROL),
			 AMDVI_ENABLE | AMDVI_RUN | AMDVI_LOG | AMDVI_LOG_INTERRUPT);
	assert_true(iommu_log_take(&unit, &fault));
	assert_true(fault.interrupt && !fault.lost);
	no_memory = true;
	pci_memory_close(&unit.registers);
	assert_int_equal(iommu_log_open(&unit, IOMMU_AMDVI, REGISTERS, 0), STATUS_NO_MEMORY);
	assert_false(iommu_log_take(&unit, &fault));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_vtd, set_up),
		cmocka_unit_test_setup(test_vtd_far, set_up),
		cmocka_unit_test_setup(test_amdvi, set_up),
		cmocka_unit_test_setup(test_amdvi_overflow, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
