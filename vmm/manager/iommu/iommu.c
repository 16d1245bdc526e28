/* SPDX-License-Identifier: MIT */
/*
 * Takes the host's IOMMUs into use, gives functions spaces, and cuts off devices that misbehave.
 * Called by main.c, driver/, the event loop, and by `pci` and `cpu`. Owns the list of units; the
 * kernel owns their tables.
 */
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/iommu/iommu_log.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

/* the most bytes of a reserved region of which the kernel makes one memory object */
#define PIECE_BYTES (16 * MIB)
/*
 * The most refused accesses of unknown or unstoppable devices that are read until a driver starts.
 * Those of other devices end when their function is cut off.
 */
#define STRAY_MAX 256u

static struct unit {
	u64 number; /* the kernel's number of the IOMMU */
	bool used;
	bool remaps;
	enum iommu_kind kind;
	u64 registers;
	struct iommu_log log;
	u32 stray;
} units[IOMMU_UNITS_MAX];
static u32 unit_count;
static struct iommu_table table;

u32 iommu_count(void)
{
	return unit_count;
}

bool iommu_is_used(u32 number)
{
	return units[number].used;
}

bool iommu_any_used(void)
{
	for (u32 i = 0; i < unit_count; i++) {
		if (units[i].used)
			return true;
	}
	return false;
}

bool iommu_remaps(u32 number)
{
	return units[number].remaps;
}

u64 iommu_interrupts(const struct pci_function *function)
{
	return function->iommu != 0 && units[function->iommu - 1].remaps
		       ? units[function->iommu - 1].number
		       : IOMMU_NOBODY;
}

const char *iommu_kind_name(u32 number)
{
	return units[number].kind == IOMMU_VTD ? "VT-d" : "AMD-Vi";
}

u64 iommu_registers(u32 number)
{
	return units[number].registers;
}

static bool iommu_is_unit(const struct pci_function *function)
{
	return function->class == PCI_CLASS_SYSTEM && function->subclass == PCI_SYSTEM_IOMMU;
}

const char *iommu_word(void)
{
	u32 outside = 0;

	for (u32 i = 0; i < pci_count(); i++)
		outside += pci_get(i)->iommu == 0 && pci_get(i)->driver[0] != '\0' &&
			   !iommu_is_unit(pci_get(i));
	if (!iommu_any_used())
		return "drivers are trusted";
	return outside == 0 ? "drivers are confined" : "some drivers are trusted";
}

/*
 * Makes the interrupt message that the IOMMU sends when it refuses an access. Returns 0 if it
 * cannot have one.
 */
static u64 iommu_make_irq(u32 number, handle_t *irq)
{
	u64 message = 0;

	if (sys_irq_create(start_handle(START_ROOT), 0, IRQ_MSI, irq) != STATUS_OK)
		return 0;
	if (events_bind(*irq, EVENT_IOMMU, number) != STATUS_OK ||
	    sys_irq_message(*irq, IOMMU_NOBODY, 0, &message) != STATUS_OK)
		return 0;
	return message;
}

/* Sets the interrupt message of an AMD IOMMU, which is a PCI function with a message of its own. */
static void iommu_set_message(const struct iommu_entry *entry, handle_t irq)
{
	struct pci_function *function = pci_find((struct pci_address){
		entry->segment, (u8)(entry->function >> 8), (u8)entry->function});

	if (entry->kind != IOMMU_AMDVI || function == NULL || !iommu_is_unit(function))
		return;
	string_copy(function->driver, sizeof(function->driver), "kernel");
	if (pci_msi_set(function, iommu_interrupts(function), irq) == STATUS_OK)
		pci_enable(function);
}

static void iommu_start_log(u32 number, u64 message)
{
	struct unit *unit = &units[number];
	enum status status = iommu_log_open(&unit->log, unit->kind, unit->registers, message);

	if (status != STATUS_OK)
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "IOMMU %u: the accesses that it refuses will not be known: %s", number,
			    status_text(status));
}

/*
 * Returns whether interrupts may be remapped: the lines of an I/O APIC that no IOMMU names would be
 * blocked.
 */
static bool iommu_may_remap(void)
{
	const struct host_lines *lines = machine_lines();

	for (u32 i = 0; i < lines->ioapic_count; i++) {
		u32 n = 0;

		while (n < table.ioapic_count && table.ioapic[n].id != lines->ioapic[i].id)
			n++;
		if (n == table.ioapic_count)
			return false;
	}
	return table.remap;
}

/*
 * Attaches an I/O APIC to its IOMMU, as a device that reaches no memory, and routes anew those of
 * its lines that the manager uses already.
 */
static void iommu_start_lines(const struct iommu_ioapic *ioapic)
{
	const struct host_lines *lines = machine_lines();
	u64 unit = units[ioapic->owner].number;
	handle_t space = HANDLE_NONE;
	enum status status;

	status = sys_iommu_space(start_handle(START_ROOT), start_handle(START_GROUP), unit, &space);
	if (status == STATUS_OK)
		status = sys_iommu_attach(start_handle(START_ROOT), unit, ioapic->requester, space);
	if (status != STATUS_OK)
		log_message(LOG_ERROR, LOG_DEVICE, "", "IOMMU: I/O APIC %u: no interrupts: %s",
			    ioapic->id, status_text(status));
	for (u32 i = 0; i < lines->ioapic_count; i++) {
		if (lines->ioapic[i].id == ioapic->id)
			machine_lines_remap(i, unit, ioapic->requester);
	}
}

/*
 * Takes an IOMMU of the table into use. It keeps its number in the table, whether that succeeds or
 * not.
 */
static void iommu_start_unit(u32 number)
{
	const struct iommu_entry *entry = &table.unit[number];
	struct unit *unit = &units[number];
	handle_t irq = HANDLE_NONE;
	u64 message = iommu_make_irq(number, &irq);
	enum status status;

	*unit = (struct unit){.kind = entry->kind, .registers = entry->registers};
	status = sys_iommu_create(start_handle(START_ROOT), entry->registers, entry->kind,
				  iommu_may_remap(), &unit->number);
	unit->used = status == STATUS_OK;
	unit->remaps = unit->used && (unit->number & IOMMU_REMAPS) != 0;
	unit->number &= ~(u64)IOMMU_REMAPS;
	if (unit->used) {
		iommu_set_message(entry, irq);
		iommu_start_log(number, message);
		log_message(LOG_INFO, LOG_DEVICE, "",
			    "IOMMU %u, %s at %#llx: devices reach what they are given%s", number,
			    iommu_kind_name(number), (unsigned long long)entry->registers,
			    unit->remaps ? ", and raise their own interrupts alone"
					 : "; interrupts are not remapped");
		return;
	}
	if (irq != HANDLE_NONE)
		sys_object_destroy(irq);
	log_message(LOG_WARNING, LOG_DEVICE, "",
		    "IOMMU %u, %s at %#llx: not used, the kernel says \"%s\"", number,
		    iommu_kind_name(number), (unsigned long long)entry->registers,
		    status_text(status));
}

enum status iommu_space(const struct pci_function *function, handle_t group, handle_t *space)
{
	return sys_iommu_space(start_handle(START_ROOT), group, units[function->iommu - 1].number,
			       space);
}

enum status iommu_attach(struct pci_function *function, handle_t space)
{
	enum status status =
		sys_iommu_attach(start_handle(START_ROOT), units[function->iommu - 1].number,
				 function->requester, space);

	if (status != STATUS_OK)
		return status;
	function->reaches = space != HANDLE_NONE ? IOMMU_WINDOWS : IOMMU_NOTHING;
	if (space == HANDLE_NONE)
		return STATUS_OK;
	iommu_signalled(function->iommu - 1u);
	function->faults_now = 0;
	function->cut_off = false;
	units[function->iommu - 1].stray = 0;
	return STATUS_OK;
}

/* --- regions that the firmware has reserved --- */

static enum status iommu_map_piece(handle_t space, u64 at, u64 bytes)
{
	handle_t memory = HANDLE_NONE;
	enum status status = sys_memory_physical(start_handle(START_ROOT), at, bytes, 0, &memory);
	u64 ignored;

	if (status != STATUS_OK)
		return status;
	status = sys_space_map(space, at, memory, 0, bytes, RIGHT_READ | RIGHT_WRITE, &ignored);
	sys_handle_close(memory);
	for (u64 done = 0; done < bytes && status == STATUS_OK; done += PAGE_SIZE)
		status = sys_space_populate(space, at + done, RIGHT_WRITE, &ignored);
	return status;
}

static enum status iommu_give_region(struct pci_function *function,
				     const struct iommu_region *region)
{
	enum status status = STATUS_OK;

	if (function->space == HANDLE_NONE)
		status = iommu_space(function, start_handle(START_GROUP), &function->space);
	for (u64 done = 0; done < region->bytes && status == STATUS_OK; done += PIECE_BYTES)
		status = iommu_map_piece(function->space, region->base + done,
					 MIN(PIECE_BYTES, region->bytes - done));
	if (status == STATUS_OK && function->reaches == IOMMU_NOTHING)
		status = iommu_attach(function, function->space);
	if (status == STATUS_OK)
		function->reaches = IOMMU_RESERVED;
	return status;
}

/*
 * Maps a region that the firmware has reserved for the functions of its scope. Some regions are for
 * functions that do no DMA now, others are RAM by mistake: a failure with one does not stop the
 * others.
 */
static void iommu_give_regions(const struct iommu_scope *scope)
{
	const struct iommu_region *region = &table.region[scope->owner];

	for (u32 i = 0; i < pci_count(); i++) {
		struct pci_function *function = pci_get(i);
		char address[PCI_ADDRESS_BYTES];
		enum status status;

		if (function->iommu == 0 || pci_is_bridge(function) ||
		    !iommu_scope_has(scope, function))
			continue;
		status = iommu_give_region(function, region);
		pci_address_text(function->address, address);
		log_message(status == STATUS_OK ? LOG_INFO : LOG_WARNING, LOG_DEVICE, "",
			    "IOMMU: %s: the firmware has reserved %#llx to %#llx: %s", address,
			    (unsigned long long)region->base,
			    (unsigned long long)(region->base + region->bytes - 1),
			    status == STATUS_OK ? "given" : status_text(status));
	}
}

/* Reads the firmware's tables of IOMMUs. */
static void iommu_read_table(void)
{
	u32 count = 0;
	const u8 *bytes;

	memset(&table, 0, sizeof(table));
	bytes = machine_acpi_open("DMAR", &count);
	if (bytes != NULL)
		dmar_parse(bytes, count, &table);
	bytes = machine_acpi_open("IVRS", &count);
	if (bytes != NULL)
		ivrs_parse(bytes, count, &table);
	machine_acpi_close();
}

void iommu_init(void)
{
	iommu_read_table();
	for (; unit_count < table.unit_count; unit_count++)
		iommu_start_unit(unit_count);
	for (u32 i = 0; i < table.ioapic_count; i++) {
		if (units[table.ioapic[i].owner].remaps)
			iommu_start_lines(&table.ioapic[i]);
	}
	if (table.left_out > 0)
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "IOMMU: %u entries of the firmware's table are not used",
			    table.left_out);
	iommu_find_units(&table);
	for (u32 i = 0; i < pci_count(); i++) {
		if (pci_get(i)->iommu != 0 && !units[pci_get(i)->iommu - 1].used)
			pci_get(i)->iommu = 0;
	}
	for (u32 i = 0; i < table.scope_count; i++) {
		if (table.scope[i].reserved)
			iommu_give_regions(&table.scope[i]);
	}
}

/* --- accesses that were refused --- */

static struct pci_function *iommu_function_of(u32 number, u16 requester)
{
	struct pci_function *found = NULL;

	for (u32 i = 0; i < pci_count(); i++) {
		struct pci_function *function = pci_get(i);

		if (function->iommu != number + 1 || function->requester != requester)
			continue;
		/*
		 * of several functions behind one bridge, choose the function with a driver: it may
		 * do DMA
		 */
		if (found == NULL || function->driver[0] != '\0')
			found = function;
	}
	return found;
}

static void iommu_cut_off(struct pci_function *function)
{
	char address[PCI_ADDRESS_BYTES];

	function->cut_off = true;
	pci_master_off(function);
	pci_address_text(function->address, address);
	log_message(LOG_ERROR, LOG_DEVICE, "",
		    "PCI %s: cut off, it reached for memory that it was not given, at least %u "
		    "times",
		    address, function->faults_now);
}

static void iommu_log_fault(const struct iommu_fault *fault)
{
	u32 bus = fault->requester >> 8;
	u32 device = fault->requester >> 3 & 0x1fu;
	u32 number = fault->requester & 7u;

	if (fault->interrupt)
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "iommu: device %02x:%02x.%x raised an interrupt that it was not given "
			    "(%u)",
			    bus, device, number, fault->reason);
	else
		log_message(LOG_WARNING, LOG_DEVICE, "",
			    "iommu: device %02x:%02x.%x %s %#llx: not mapped (%u)", bus, device,
			    number, fault->write ? "wrote to" : "read",
			    (unsigned long long)fault->address, fault->reason);
}

static void iommu_note_fault(u32 number, const struct iommu_fault *fault)
{
	struct pci_function *function = iommu_function_of(number, fault->requester);

	iommu_log_fault(fault);
	if (function == NULL || function->cut_off) {
		units[number].stray++;
		return;
	}
	function->faults++;
	function->faults_now++;
	/* a VT-d unit drops further faults of a device that it has just reported (VT-d 7.3.1) */
	function->lost |= fault->lost || units[number].kind == IOMMU_VTD;
	if (function->faults_now >= IOMMU_FAULTS_MAX)
		iommu_cut_off(function);
}

/*
 * Reads all records of an IOMMU's faults (refused accesses): an IOMMU signals no more while it has
 * an unread record (VT-d 7.3.1).
 */
void iommu_signalled(u32 number)
{
	struct unit *unit = &units[number % IOMMU_UNITS_MAX];
	struct iommu_fault fault;

	while (unit->stray < STRAY_MAX && iommu_log_take(&unit->log, &fault))
		iommu_note_fault(number, &fault);
}
