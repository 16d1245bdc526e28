/* SPDX-License-Identifier: MIT */
/*
 * Machine checks (SDM vol. 3, chapter 16; APM vol. 2, chapter 9). An uncorrected error that costs
 * one page of a guest's RAM or of its monitor ends that VM; any other is a panic. kernel/cpu/trap.c
 * reports #MC, which is only recorded; kernel/cpu/cpu_loop.c handles the record later, under the
 * long lock, and polls for corrected errors. It owns the machine-check MSRs.
 */
#include "kernel/cpu/machine_check.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/paging.h"
#include "kernel/group/group.h"
#include "kernel/log/log.h"
#include "kernel/object/long_lock.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

/*
 * The most uncorrected errors that a CPU records before its loop handles them, else it panics: if
 * ring 0 uses lost memory, machine checks repeat endlessly and the loop is never reached.
 */
#define COUNT_MAX 100u
#define BANKS_MAX 32u /* the most machine-check banks, whose registers are contiguous */

static u32 machine_check_bank_count(void)
{
	if (!features.machine_check)
		return 0;
	return MIN((u32)(rdmsr(MSR_MCG_CAP) & MCG_CAP_BANKS), BANKS_MAX);
}

static u32 machine_check_bank_msr(u32 bank, enum machine_check_register reg)
{
	return MSR_MC0_CTL + MCI_REGISTERS * bank + reg;
}

static bool machine_check_is_recoverable(void)
{
	return (rdmsr(MSR_MCG_CAP) & MCG_CAP_SER) != 0;
}

/*
 * Returns true if the error raises #MC. Otherwise the lost memory has not been used yet (SDM vol.
 * 3, 16.6.3).
 */
static bool machine_check_is_signalled(u64 status)
{
	return (status & MCI_STATUS_UC) &&
	       (!machine_check_is_recoverable() || (status & (MCI_STATUS_S | MCI_STATUS_PCC)));
}

void machine_check_enable(void)
{
	u32 banks = machine_check_bank_count();

	if (banks != 0 && (rdmsr(MSR_MCG_CAP) & MCG_CAP_CONTROL))
		wrmsr(MSR_MCG_CTL, ~0ull);
	for (u32 bank = 0; bank < banks; bank++)
		wrmsr(machine_check_bank_msr(bank, MCI_CTL), ~0ull);
}

static void machine_check_add(struct machine_check *record, const struct machine_check *found)
{
	if (record->status == 0)
		*record = *found;
	else if (record->address >> PAGE_SHIFT != found->address >> PAGE_SHIFT)
		record->more = true;
	record->status |= found->status;
	record->count++;
}

static void machine_check_record_banks(struct machine_check *record)
{
	u32 banks = machine_check_bank_count();
	u64 global = banks != 0 ? rdmsr(MSR_MCG_STATUS) : 0;

	for (u32 bank = 0; bank < banks; bank++) {
		struct machine_check found = {
			.global = global,
			.status = rdmsr(machine_check_bank_msr(bank, MCI_STATUS)),
			.bank = bank,
		};

		if (!(found.status & MCI_STATUS_VAL) || !(found.status & MCI_STATUS_UC))
			continue;
		if (found.status & MCI_STATUS_ADDRV)
			found.address = rdmsr(machine_check_bank_msr(bank, MCI_ADDR));
		if (found.status & MCI_STATUS_MISCV)
			found.misc = rdmsr(machine_check_bank_msr(bank, MCI_MISC));
		wrmsr(machine_check_bank_msr(bank, MCI_STATUS), 0);
		machine_check_add(record, &found);
	}
	record->global = record->status != 0 ? record->global & global : global;
	if (banks != 0)
		wrmsr(MSR_MCG_STATUS, 0); /* until this write another #MC would shut the CPU down */
}

static const char *machine_check_why_fatal(const struct machine_check *record)
{
	u64 status = record->status;

	if (!(record->global & MCG_STATUS_RIPV))
		return "the interrupted code cannot be resumed";
	if (status == 0)
		return NULL; /* the error is another CPU's, broadcast to all CPUs */
	if (status & MCI_STATUS_PCC)
		return "the CPU's own state is corrupt";
	if (record->more || (status & MCI_STATUS_OVER))
		return "several errors at once";
	if (record->count > COUNT_MAX)
		return "the kernel uses what was lost";
	if (!(status & MCI_STATUS_ADDRV))
		return "its address is not known";
	if ((status & MCI_STATUS_MISCV) && machine_check_is_recoverable() &&
	    ((record->misc & MCI_MISC_MODE) != MCI_MISC_MODE_PHYSICAL ||
	     (record->misc & MCI_MISC_LOWEST_BIT) > PAGE_SHIFT))
		return "its page is not known";
	return NULL;
}

/* Panics. `frame` holds the interrupted registers; NULL if the CPU loop calls. */
static NOINLINE NORETURN void machine_check_end_machine(const struct machine_check *record,
							const char *why,
							const struct trap_frame *frame)
{
	panic_trap(frame, "machine check on CPU %u: bank %u, status %#lx, address %#lx: %s",
		   this_cpu()->id, record->bank, record->status, record->address, why);
}

/*
 * Records a #MC. A self-IPI takes the CPU from an interrupted ring 3 to its loop: a process that
 * continued would use the lost page again.
 */
void machine_check_taken(struct cpu *cpu, const struct trap_frame *frame)
{
	const char *why;

	machine_check_record_banks(&cpu->machine_check);
	why = machine_check_why_fatal(&cpu->machine_check);
	if (why != NULL && (frame->cs & 3) == 0) {
		if (cpu->kernel_root != 0)
			write_cr3(cpu->kernel_root);
		machine_check_end_machine(&cpu->machine_check, why, frame);
	}
	__atomic_fetch_or(&cpu->pending, PENDING_MACHINE_CHECK, __ATOMIC_RELAXED);
	if ((frame->cs & 3) != 0)
		lapic_send_self(VECTOR_KICK);
}

static bool machine_check_holds(struct memory *memory, hpa_t page)
{
	u64 index = 0;

	while (index < memory->page_count) {
		hpa_t first;
		u64 count = memory_walk(memory, &index, &first);

		if (page.value - first.value < count << PAGE_SHIFT)
			return true;
	}
	return false;
}

/*
 * Returns true if the manager has mapped the object: it cannot do without a page that it has
 * mapped, and would use the lost page again and again.
 */
static bool machine_check_manager_uses(const struct memory *memory)
{
	LIST_FOR_EACH(node, &memory->mappings) {
		if (LIST_ENTRY(node, struct mapping, memory_node)->space == process_manager->space)
			return true;
	}
	return false;
}

/*
 * Ends all groups whose memory contains the page, or lies on an object that does: their processes
 * would use the page again. Searches all objects, as this is rare. Returns false if the manager's
 * group is among them.
 */
static NOINLINE bool machine_check_end_groups(hpa_t page)
{
	struct cache_cursor cursor = {0};

	for (void *object; (object = cache_walk_all(&cursor)) != NULL;) {
		struct memory *memory = CONTAINER_OF(object, struct memory, object);
		struct memory *at = memory;
		struct group *group;

		if (cursor.kind != OBJECT_MEMORY || memory->kind != MEMORY_RAM)
			continue;
		while (at != NULL && !machine_check_holds(at, page))
			at = at->below;
		if (at == NULL)
			continue;
		if (machine_check_manager_uses(memory))
			return false;
		group = CONTAINER_OF(memory->quota, struct group, quota);
		log_error(LOG_PROCESS, "page %#lx is lost, with it group %lu", page.value,
			  group->tag);
		group_kill(group, KILL_CODE(KILL_MACHINE_CHECK, 0));
	}
	return true;
}

/*
 * Retires the lost page and ends the groups that used it. Returns why the host cannot go on without
 * the page, NULL if it can; when it cannot, the long lock may stay taken, as the kernel panics.
 */
static const char *machine_check_lose_page(const struct machine_check *record)
{
	hpa_t page = HPA(record->address & PTE_ADDRESS);
	enum page_owner owner = page_owner(page);

	if (owner == PAGE_RESERVED && page_is_set_aside(page))
		return NULL; /* an earlier error has retired the page already */
	if (owner != PAGE_GUEST && owner != PAGE_PROCESS && owner != PAGE_FREE)
		return "the page is the kernel's";
	long_lock();
	log_error(LOG_PROCESS, "machine check: bank %u, status %#lx: page %#lx is lost",
		  record->bank, record->status, page.value);
	page_set_aside(page);
	if (!machine_check_end_groups(page))
		return "the page is the manager's";
	long_unlock();
	return NULL;
}

void machine_check_handle(struct cpu *cpu)
{
	const struct machine_check record = cpu->machine_check;
	const char *why = machine_check_why_fatal(&record);

	/* a #MC that came since the copy was made is lost */
	cpu->machine_check = (struct machine_check){0};
	if (why == NULL && record.status != 0)
		why = machine_check_lose_page(&record);
	if (why != NULL)
		machine_check_end_machine(&record, why, NULL);
}

void machine_check_poll(void)
{
	u32 banks = machine_check_bank_count();

	for (u32 bank = 0; bank < banks; bank++) {
		u64 status = rdmsr(machine_check_bank_msr(bank, MCI_STATUS));

		if (!(status & MCI_STATUS_VAL) || machine_check_is_signalled(status))
			continue;
		log_warning(LOG_CPU, "harmless machine check: bank %u, status %#lx, address %#lx",
			    bank, status,
			    status & MCI_STATUS_ADDRV
				    ? rdmsr(machine_check_bank_msr(bank, MCI_ADDR))
				    : 0);
		wrmsr(machine_check_bank_msr(bank, MCI_STATUS), 0);
	}
}
