/* SPDX-License-Identifier: MIT */
/*
 * VT-d: operates an Intel IOMMU in legacy mode with queued invalidation. iommu.c calls it through
 * `iommu_vtd`, under the IOMMU's lock. It writes the IOMMU's registers, its root and context
 * tables, its interrupt entries and its queue.
 */
#include "arch/x86_64/hw/vtd.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/msi.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/iommu/iommu.h"
#include "mm/address.h"
#include "mm/page.h"

static void vtd_command(struct iommu *unit, u64 bit)
{
	u32 status = iommu_read32(unit, VTD_STATUS) & VTD_STAYS;

	iommu_write32(unit, VTD_COMMAND, status | (u32)bit);
	iommu_expect32(unit, VTD_STATUS, (u32)bit, (u32)bit);
}

static void vtd_queue_start(struct iommu *unit)
{
	u32 status = iommu_read32(unit, VTD_STATUS) & VTD_STAYS;

	/* stops an invalidation queue that the firmware has left on */
	iommu_write32(unit, VTD_COMMAND, status & ~(u32)VTD_QUEUE);
	iommu_expect32(unit, VTD_STATUS, (u32)VTD_QUEUE, 0);
	iommu_write64(unit, VTD_QUEUE_TAIL, 0);
	iommu_write64(unit, VTD_QUEUE_ADDRESS, pointer_to_hpa(unit->ring).value);
	vtd_command(unit, VTD_QUEUE);
}

static bool vtd_usable(struct iommu *unit)
{
	u64 capability = iommu_read64(unit, VTD_CAPABILITY);
	u64 extended = iommu_read64(unit, VTD_EXTENDED);

	unit->drain = capability >> VTD_DRAIN_SHIFT & VTD_DRAIN;
	unit->coherent = (extended & VTD_COHERENT) != 0;
	unit->caches_absent = (capability & VTD_CACHES_ABSENT) != 0;
	unit->large = (capability & VTD_LARGE) != 0;
	unit->remaps &=
		(extended & VTD_REMAPS) != 0 && (!features.x2apic || (extended & VTD_WIDE) != 0);
	unit->high = 1ull << MIN(bits_get(capability, 21, 16) + 1, 48u);
	return iommu_read32(unit, VTD_VERSION) != ~0u && (extended & VTD_QUEUED) != 0 &&
	       (capability & VTD_DOMAINS) != 0 && (capability & VTD_FOUR_LEVELS) != 0 &&
	       (capability & VTD_WRITE_BUFFER) == 0;
}

static void vtd_messages_set(struct iommu *unit)
{
	iommu_write64(unit, VTD_MESSAGES,
		      pointer_to_hpa(iommu_page(unit, IOMMU_PAGE_MESSAGES)).value |
			      VTD_MESSAGES_256 | (features.x2apic ? VTD_MESSAGES_WIDE : 0));
	vtd_command(unit, VTD_SET_MESSAGES);
	iommu_command(unit, VTD_INV_MESSAGES, 0);
}

static enum status vtd_start(struct iommu *unit)
{
	if (!vtd_usable(unit))
		return STATUS_NOT_SUPPORTED;
	if (!unit->coherent)
		cache_flush(unit->ring, IOMMU_PAGES * PAGE_SIZE);
	vtd_queue_start(unit);
	if (unit->remaps)
		vtd_messages_set(unit);
	iommu_write64(unit, VTD_ROOT, pointer_to_hpa(iommu_page(unit, IOMMU_PAGE_ROOT)).value);
	vtd_command(unit, VTD_SET_ROOT);
	iommu_command(unit, VTD_INV_CONTEXTS, 0);
	iommu_command(unit, VTD_INV_ALL | unit->drain, 0);
	iommu_confirm(unit);
	vtd_command(unit, VTD_TRANSLATE);
	if (unit->remaps) /* blocks interrupt messages in the old format too, as VTD_PASS is off */
		vtd_command(unit, VTD_REMAP);
	if ((iommu_read64(unit, VTD_CAPABILITY) & VTD_PROTECTS) != 0)
		iommu_write32(unit, VTD_PROTECTED, 0);
	return STATUS_OK;
}

/* Returns the context table of a PCI bus in *contexts; creates the table if there is none. */
static enum status vtd_contexts_of(struct iommu *unit, u32 bus, u64 **contexts)
{
	u64 *root = (u64 *)iommu_page(unit, IOMMU_PAGE_ROOT) + 2ull * bus;
	enum status status;

	if ((*root & VTD_PRESENT) == 0) {
		status = page_alloc_cleared(0, PAGE_TABLE, NULL, (void **)contexts);
		if (status != STATUS_OK)
			return status;
		if (!unit->coherent)
			cache_flush(*contexts, PAGE_SIZE);
		iommu_entry_write(unit, root, pointer_to_hpa(*contexts).value | VTD_PRESENT);
	}
	*contexts = hpa_to_pointer(HPA(*root & PTE_ADDRESS));
	return STATUS_OK;
}

static enum status vtd_set(struct iommu *unit, u32 source, u32 domain)
{
	const struct space *space = unit->domain[domain].space;
	u64 *context = NULL;
	enum status status = vtd_contexts_of(unit, source >> 8, &context);

	if (status != STATUS_OK)
		return status;
	context += 2ull * (source & 0xff);
	iommu_entry_write(unit, &context[0], 0);
	if (space == NULL)
		return STATUS_OK;
	iommu_entry_write(unit, &context[1], VTD_LEVELS_4 | (u64)domain << VTD_DOMAIN_SHIFT);
	iommu_entry_write(unit, &context[0], space->table.root.kernel.value | VTD_PRESENT);
	return STATUS_OK;
}

static void vtd_forget(struct iommu *unit, u32 source, u32 domain)
{
	u64 which = (u64)domain << VTD_INV_DOMAIN_SHIFT;

	iommu_command(unit, VTD_INV_CONTEXT | which | (u64)source << VTD_INV_DEVICE_SHIFT, 0);
	/*
	 * a context entry that was not present may be cached under domain 0 (VT-d specification,
	 * 6.2.2.1)
	 */
	if (unit->caches_absent)
		iommu_command(unit, VTD_INV_CONTEXTS, 0);
	iommu_command(unit, VTD_INV_DOMAIN | which | unit->drain, 0);
}

/*
 * Writes an interrupt entry of 16 bytes. The upper half is written first, and names the same
 * requester as long as the entry is present.
 */
static void vtd_message(struct iommu *unit, u32 domain, const struct iommu_message *message,
			u64 *value)
{
	u64 *entry = (u64 *)iommu_page(unit, IOMMU_PAGE_MESSAGES) + 2ull * message->vector;
	bool nmi = message->apic_id == IOAPIC_ALL_CPUS;
	u64 what = VTD_PRESENT | message->vector << VTD_MESSAGE_VECTOR_SHIFT |
		   (message->level ? VTD_MESSAGE_LEVEL : 0) | (nmi ? VTD_MESSAGE_NMI : 0) |
		   (features.x2apic ? (nmi ? VTD_MESSAGE_ALL : (u64)message->apic_id << 32)
				    : (u64)message->apic_id << 40);

	iommu_entry_write(unit, &entry[1], message->source | VTD_MESSAGE_CHECKED);
	iommu_entry_write(unit, &entry[0], domain != 0 ? what : 0);
	iommu_command(unit, VTD_INV_MESSAGES, 0);
	*value = (MSI_ADDRESS_BASE | MSI_ADDRESS_REMAPPED |
		  message->vector << MSI_ADDRESS_ENTRY_SHIFT)
		 << 32;
}

static void vtd_wait(struct iommu *unit, hpa_t word, u32 value)
{
	iommu_command(unit, VTD_INV_WAIT | (u64)value << 32, word.value);
}

const struct iommu_ops iommu_vtd = {
	.format = &format_vtd,
	.command_tail = VTD_QUEUE_TAIL,
	.register_pages = 1,
	.start = vtd_start,
	.set = vtd_set,
	.forget = vtd_forget,
	.message = vtd_message,
	.wait = vtd_wait,
};
