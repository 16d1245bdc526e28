/* SPDX-License-Identifier: MIT */
/*
 * IOMMUs, independent of their kind (VT-d or AMD-Vi): takes them into use, gives devices their
 * spaces, flushes unmapped addresses and routes interrupt messages. kernel/call/sys_iommu.c and
 * kernel/sched/irq.c call it with the object lock held alone or under the long lock; mm/tlb.c
 * flushes through a space's `devices`. It owns the IOMMUs ("units") and their domains, each guarded
 * by its unit's lock.
 */
#include "arch/x86_64/iommu/iommu.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/hw/msi.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/checked.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"

/*
 * The time in which an IOMMU must answer. A slower one counts as broken, and the kernel panics:
 * memory that devices reached could never be used again.
 */
#define PATIENCE_NS	  (10 * NS_PER_S)
#define IOMMU_PAGES_ORDER 5
_Static_assert(IOMMU_PAGES <= 1u << IOMMU_PAGES_ORDER, "the pages at a unit's ring");

static struct iommu iommu_units[IOMMU_MAX];
static u32 iommu_unit_count; /* changed only with the object lock held alone */

/* Returns the IOMMU of that number; NULL if there is none. */
static struct iommu *iommu_get(u64 number)
{
	return number < iommu_unit_count ? &iommu_units[number] : NULL;
}

static void iommu_wait(const struct iommu *unit, u64 deadline)
{
	if (rdtsc() > deadline)
		panic("IOMMU %u does not answer", (u32)(unit - iommu_units));
	pause();
}

void iommu_expect32(const struct iommu *unit, u32 offset, u32 bits, u32 value)
{
	u64 deadline = rdtsc() + tsc_from_ns(PATIENCE_NS);

	while ((iommu_read32(unit, offset) & bits) != value)
		iommu_wait(unit, deadline);
}

/*
 * Appends a command of 16 bytes to the IOMMU's ring, which is never full, as callers wait for the
 * IOMMU after a few commands.
 */
void iommu_command(struct iommu *unit, u64 first, u64 second)
{
	u64 *to = (u64 *)(unit->ring + unit->command);

	to[0] = first;
	to[1] = second;
	unit->command = (unit->command + 16) % PAGE_SIZE;
	iommu_write64(unit, unit->ops->command_tail, unit->command);
}

void iommu_confirm(struct iommu *unit)
{
	volatile u32 *word = iommu_page(unit, IOMMU_PAGE_WORD);
	u64 deadline = rdtsc() + tsc_from_ns(PATIENCE_NS);

	*word = 0;
	unit->ops->wait(unit, pointer_to_hpa((const void *)word), 1);
	while (*word != 1)
		iommu_wait(unit, deadline);
}

void iommu_entry_write(const struct iommu *unit, u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	if (!unit->coherent)
		cache_flush(entry, sizeof(*entry));
}

enum status iommu_create(hpa_t registers, u64 kind, bool remap, u64 *number)
{
	static const struct iommu_ops *const kinds[] = {
		[IOMMU_VTD] = &iommu_vtd,
		[IOMMU_AMDVI] = &iommu_amdvi,
	};
	struct iommu *unit = iommu_units + iommu_unit_count;
	enum status status;
	u64 bytes;

	if (kind >= ARRAY_COUNT(kinds))
		return STATUS_BAD_ARGUMENT;
	if (iommu_unit_count == IOMMU_MAX)
		return STATUS_TOO_BIG;
	bytes = kinds[kind]->register_pages * PAGE_SIZE;
	if (!is_aligned(registers.value, PAGE_SIZE) ||
	    !range_within(registers.value, bytes, 1ull << features.physical_bits) ||
	    page_range_has_ram(registers, bytes))
		return STATUS_BAD_ADDRESS;
	*unit = (struct iommu){.ops = kinds[kind], .remaps = remap};
	unit->registers = kernel_map_device(registers, bytes);
	status = unit->registers != NULL ? page_alloc_cleared(IOMMU_PAGES_ORDER, PAGE_CONTROL, NULL,
							      (void **)&unit->ring)
					 : STATUS_NO_MEMORY;
	if (status != STATUS_OK)
		return status;
	status = unit->ops->start(unit);
	if (status != STATUS_OK) {
		page_free(pointer_to_hpa(unit->ring), NULL);
		return status;
	}
	*number = iommu_unit_count++ | (unit->remaps ? IOMMU_REMAPS : 0);
	return STATUS_OK;
}

static struct iommu *iommu_of(const struct space *space)
{
	return &iommu_units[space->unit];
}

/*
 * Flushes a device's space: returns once no device can use translations of memory that the space no
 * longer maps.
 */
static void iommu_flush(struct space *space)
{
	struct iommu *unit = iommu_of(space);
	const struct iommu_domain *domain = &unit->domain[space->domain];

	lock_acquire(&unit->lock, LOCK_IOMMU);
	if (domain->source != IOMMU_NO_SOURCE) {
		unit->ops->forget(unit, domain->source, space->domain);
		iommu_confirm(unit);
	}
	lock_release(&unit->lock, LOCK_IOMMU);
}

/*
 * Returns the number of the domain to which the requester is attached; 0 if it is attached to none.
 */
static u32 iommu_domain_of(const struct iommu *unit, u64 source)
{
	u32 domain = IOMMU_DOMAINS - 1;

	while (domain > 0 &&
	       (unit->domain[domain].space == NULL || unit->domain[domain].source != source))
		domain--;
	return domain;
}

/* Takes the device's space away; returns once the IOMMU does not use that space any more. */
static void iommu_detach(struct iommu *unit, u32 source)
{
	u32 domain = iommu_domain_of(unit, source);

	if (source == IOMMU_NO_SOURCE || domain == 0)
		return;
	/* the device's entry exists already, so this call allocates nothing */
	CHECK(unit->ops->set(unit, source, 0) == STATUS_OK);
	unit->ops->forget(unit, source, domain);
	iommu_confirm(unit);
	unit->domain[domain].source = IOMMU_NO_SOURCE;
}

static void iommu_end(struct space *space)
{
	struct iommu *unit = iommu_of(space);

	lock_acquire(&unit->lock, LOCK_IOMMU);
	iommu_detach(unit, unit->domain[space->domain].source);
	unit->domain[space->domain].space = NULL;
	lock_release(&unit->lock, LOCK_IOMMU);
}

static const struct space_devices iommu_devices = {.flush = iommu_flush, .end = iommu_end};

enum status iommu_space_create(u64 number, struct quota *quota, struct space **space)
{
	struct iommu *unit = iommu_get(number);
	u32 domain = 1;
	enum status status;

	if (unit == NULL)
		return STATUS_NOT_FOUND;
	while (domain < IOMMU_DOMAINS && unit->domain[domain].space != NULL)
		domain++;
	if (domain == IOMMU_DOMAINS)
		return STATUS_TOO_BIG;
	status = space_create_guest(quota, unit->ops->format, space);
	if (status != STATUS_OK)
		return status;
	(*space)->devices = &iommu_devices;
	(*space)->unit = (u8)number;
	(*space)->domain = (u8)domain;
	(*space)->high = unit->high;
	(*space)->table.uncached = !unit->coherent;
	(*space)->largest = unit->large ? PT_LEVEL_2M : PT_LEVEL_4K;
	if (!unit->coherent)
		cache_flush(hpa_to_pointer((*space)->table.root.kernel), PAGE_SIZE);
	unit->domain[domain] = (struct iommu_domain){*space, IOMMU_NO_SOURCE};
	return STATUS_OK;
}

static enum status iommu_attach_locked(struct iommu *unit, u32 source, struct space *space)
{
	enum status status;

	if (space != NULL && unit->domain[space->domain].source != source &&
	    unit->domain[space->domain].source != IOMMU_NO_SOURCE)
		return STATUS_IN_USE;
	iommu_detach(unit, source);
	if (space == NULL)
		return STATUS_OK;
	status = unit->ops->set(unit, source, space->domain);
	if (status != STATUS_OK)
		return status;
	unit->domain[space->domain].source = source;
	unit->ops->forget(unit, source, space->domain);
	iommu_confirm(unit);
	return STATUS_OK;
}

enum status iommu_attach(u64 number, u64 source, struct space *space)
{
	struct iommu *unit = iommu_get(number);
	enum status status;

	if (unit == NULL)
		return STATUS_NOT_FOUND;
	if (source > 0xffff ||
	    (space != NULL && (space->devices != &iommu_devices || space->unit != number)))
		return STATUS_BAD_ARGUMENT;
	lock_acquire(&unit->lock, LOCK_IOMMU);
	status = iommu_attach_locked(unit, (u32)source, space);
	lock_release(&unit->lock, LOCK_IOMMU);
	return status;
}

enum status iommu_populate(struct space *space, u64 at, u32 access, u64 *bytes)
{
	enum status status = STATUS_BAD_ARGUMENT;
	struct pt_leaf leaf;

	if (space->devices == &iommu_devices)
		status = space_fault(space, at, access);
	if (status != STATUS_OK)
		return status;
	if (iommu_of(space)->caches_absent)
		iommu_flush(space);
	lock_acquire(&space->lock, LOCK_SPACE);
	/* the page may have been unmapped since it was populated */
	*bytes = table_lookup(&space->table, at, &leaf)
			 ? leaf.at + table_level_bytes(leaf.level) - align_down(at, PAGE_SIZE)
			 : 0;
	lock_release(&space->lock, LOCK_SPACE);
	return STATUS_OK;
}

enum status iommu_message(const struct iommu_message *message, bool blocked, u64 *value)
{
	struct iommu *unit = iommu_get(message->unit);
	u32 domain;

	*value = (MSI_ADDRESS_BASE | message->apic_id << MSI_ADDRESS_DESTINATION_SHIFT) << 32 |
		 message->vector;
	if (message->unit == IOMMU_NOBODY)
		return STATUS_OK;
	if (unit == NULL || !unit->remaps || message->source > 0xffff)
		return STATUS_NOT_FOUND;
	lock_acquire(&unit->lock, LOCK_IOMMU);
	domain = blocked ? 0 : iommu_domain_of(unit, message->source);
	unit->ops->message(unit, domain, message, value);
	iommu_confirm(unit);
	lock_release(&unit->lock, LOCK_IOMMU);
	return domain != 0 || blocked ? STATUS_OK : STATUS_BAD_STATE;
}
