/* SPDX-License-Identifier: MIT */
/*
 * AMD-Vi: operates an AMD IOMMU with one device table for a whole segment, a ring of commands and a
 * ring of events. iommu.c calls it through `iommu_amdvi`, under the IOMMU's lock. It writes the
 * IOMMU's registers, its device table, its tables of interrupt entries and its command ring.
 */
#include "arch/x86_64/hw/amdvi.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/iommu/iommu.h"
#include "mm/address.h"
#include "mm/page.h"

#define AMDVI_DEVICE_COUNT 0x10000ull
#define AMDVI_DEVICE_WORDS 4

/*
 * Returns the word of a device table entry with the remapping of the device's interrupt messages.
 * Each domain has its own table of interrupt entries, so that no device raises another's interrupt.
 */
static u64 amdvi_messages(const struct iommu *unit, u32 domain)
{
	const u32 *tables = iommu_page(unit, IOMMU_PAGE_MESSAGES);

	return unit->remaps
		       ? pointer_to_hpa(tables + domain * IOMMU_MESSAGES).value | AMDVI_MESSAGES
		       : 0;
}

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
	/* A device without a page table may neither read nor write. */
	for (u64 i = 0; i < AMDVI_DEVICE_COUNT * AMDVI_DEVICE_WORDS; i += AMDVI_DEVICE_WORDS) {
		unit->devices[i] = AMDVI_VALID;
		unit->devices[i + 2] = amdvi_messages(unit, 0);
	}
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
	/*
	 * an IOMMU that reads the entry before the next write finds a domain without a page table
	 */
	iommu_entry_write(unit, &entry[0], AMDVI_VALID);
	iommu_entry_write(unit, &entry[1], domain);
	iommu_entry_write(unit, &entry[2], amdvi_messages(unit, domain));
	iommu_entry_write(unit, &entry[0], root);
	return STATUS_OK;
}

static void amdvi_forget(struct iommu *unit, u32 source, u32 domain)
{
	iommu_command(unit, AMDVI_INV_DEVICE | source, 0);
	iommu_command(unit, AMDVI_INV_MESSAGES | source, 0);
	iommu_command(unit, AMDVI_INV_PAGES | (u64)domain << AMDVI_INV_DOMAIN_SHIFT,
		      AMDVI_INV_WHOLE);
}

/*
 * Lets an interrupt message pass in one domain and blocks it in all others. NMIs have no interrupt
 * entry: a device may raise either all NMIs or none (AMD IOMMU specification, 2.2.2.1).
 */
static void amdvi_message(struct iommu *unit, u32 domain, const struct iommu_message *message,
			  u64 *value)
{
	u32 *entry = (u32 *)iommu_page(unit, IOMMU_PAGE_MESSAGES) + message->vector;
	u64 *device = &unit->devices[(u64)message->source * AMDVI_DEVICE_WORDS];
	bool nmi = message->apic_id == IOAPIC_ALL_CPUS;
	u32 what = (u32)AMDVI_MESSAGE_ON | message->apic_id << AMDVI_MESSAGE_CPU_SHIFT |
		   message->vector << AMDVI_MESSAGE_VECTOR_SHIFT;

	(void)value; /* unchanged: a remapped message is written like one without an IOMMU */
	for (u32 i = 1; i < IOMMU_DOMAINS; i++)
		__atomic_store_n(&entry[i * IOMMU_MESSAGES], i == domain && !nmi ? what : 0,
				 __ATOMIC_RELEASE);
	if (nmi)
		iommu_entry_write(unit, &device[2],
				  (device[2] & ~AMDVI_MESSAGES_NMI) |
					  (domain != 0 ? AMDVI_MESSAGES_NMI : 0));
	amdvi_forget(unit, (u32)message->source, domain);
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
	.message = amdvi_message,
	.wait = amdvi_wait,
};
