/* SPDX-License-Identifier: MIT */
/* AMD-Vi: one device table for a whole segment, a ring of commands, a ring of events. */
#include "arch/x86_64/hw/amdvi.h"
#include "arch/x86_64/iommu/iommu.h"
#include "mm/address.h"
#include "mm/page.h"

#define AMDVI_DEVICE_COUNT 0x10000u
#define AMDVI_DEVICE_WORDS 4

static enum status amdvi_start(struct iommu *unit)
{
	u64 features = iommu_read64(unit, AMDVI_FEATURES);
	hpa_t devices;
	enum status status;

	if (features == ~0ull || (features & AMDVI_INV_ALL_KNOWN) == 0)
		return STATUS_NOT_SUPPORTED;
	status = page_alloc(PAGE_ORDER_2M, PAGE_CONTROL, NULL, &devices);
	if (status != STATUS_OK)
		return status;
	page_clear(devices, 1ull << PAGE_ORDER_2M);
	unit->devices = hpa_to_pointer(devices);
	unit->coherent = true;
	unit->large = true;
	unit->high = BIT(48);
	/* A device without a table may neither read nor write; its messages pass. */
	for (u64 i = 0; i < AMDVI_DEVICE_COUNT; i++)
		unit->devices[i * AMDVI_DEVICE_WORDS] = AMDVI_VALID;
	iommu_write64(unit, AMDVI_CONTROL, 0);
	iommu_expect32(unit, AMDVI_STATUS, (u32)AMDVI_RUNS, 0);
	iommu_write64(unit, AMDVI_DEVICES, devices.value | AMDVI_DEVICE_PAGES);
	iommu_write64(unit, AMDVI_EXCLUSION, 0);
	iommu_write64(unit, AMDVI_COMMANDS, pointer_to_hpa(unit->ring).value | AMDVI_RING_256);
	iommu_write64(unit, AMDVI_COMMAND_HEAD, 0);
	iommu_write64(unit, AMDVI_COMMAND_TAIL, 0);
	iommu_write64(unit, AMDVI_CONTROL, AMDVI_ENABLE | AMDVI_COHERENT | AMDVI_RUN);
	iommu_command(unit, AMDVI_INV_ALL, 0);
	iommu_confirm(unit);
	return STATUS_OK;
}

static enum status amdvi_set(struct iommu *unit, u32 source, u32 domain)
{
	const struct space *space = unit->domain[domain].space;
	u64 *entry = &unit->devices[(u64)source * AMDVI_DEVICE_WORDS];
	u64 root = AMDVI_VALID;

	if (space != NULL)
		root |= space->table.root.kernel.value | AMDVI_LEVELS_4 | AMDVI_READ | AMDVI_WRITE;
	/* whoever reads it in between finds a domain without a table */
	iommu_entry_write(unit, &entry[0], AMDVI_VALID);
	iommu_entry_write(unit, &entry[1], domain);
	iommu_entry_write(unit, &entry[0], root);
	return STATUS_OK;
}

static void amdvi_forget(struct iommu *unit, u32 source, u32 domain)
{
	iommu_command(unit, AMDVI_INV_DEVICE | source, 0);
	iommu_command(unit, AMDVI_INV_PAGES | (u64)domain << AMDVI_INV_DOMAIN_SHIFT,
		      AMDVI_INV_WHOLE);
}

static void amdvi_wait(struct iommu *unit, hpa_t word, u32 value)
{
	iommu_command(unit, AMDVI_WAIT | word.value, value);
}

const struct iommu_ops iommu_amdvi = {
	.format = &format_amdvi,
	.command_tail = AMDVI_COMMAND_TAIL,
	.register_pages = AMDVI_REGISTERS_END / PAGE_SIZE,
	.start = amdvi_start,
	.set = amdvi_set,
	.forget = amdvi_forget,
	.wait = amdvi_wait,
};
