/* SPDX-License-Identifier: MIT */
/* A debugger's hold on vCPUs: stops, steps, breakpoints in RAM. Called by query.c and exits. */
#include "vmm/monitor/vcpu/debugger.h"

#include "arch/x86_64/hw/control.h"
#include "lib/string.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/vcpu/trap.h"

#define INT3 0xccu

bool debugger_may_run(const struct vcpu *vcpu)
{
	const struct debugger *debugger = &vcpu->machine->debugger;

	return !debugger->attached || (debugger->run >> vcpu->id & 1) != 0;
}

bool debugger_steps(const struct vcpu *vcpu)
{
	const struct debugger *debugger = &vcpu->machine->debugger;

	return debugger->attached && (debugger->step >> vcpu->id & 1) != 0;
}

static void debugger_flag_set(struct vcpu *vcpu, bool set)
{
	if (set)
		vcpu->page->rflags |= RFLAGS_TF;
	else
		vcpu->page->rflags &= ~RFLAGS_TF;
	vcpu->page->dirty |= VCPU_RIP;
}

/* Ends the vCPU's single step, if it does one: gives RFLAGS.TF the guest's own value again. */
static void debugger_step_ends(struct vcpu *vcpu)
{
	struct debugger *debugger = &vcpu->machine->debugger;

	if (!debugger_steps(vcpu))
		return;
	debugger_flag_set(vcpu, (debugger->had_tf >> vcpu->id & 1) != 0);
	debugger->step &= ~BIT(vcpu->id);
}

static void debugger_stop(struct vcpu *vcpu, enum query_stop_kind kind, u64 address)
{
	struct debugger *debugger = &vcpu->machine->debugger;

	debugger_step_ends(vcpu);
	if (debugger->held)
		return; /* another vCPU stopped the VM first; this one hits its breakpoint later */
	debugger->held = true;
	debugger->news = true;
	debugger->stop.cpu = vcpu->id;
	debugger->stop.kind = kind;
	debugger->stop.address = address;
	machine_hold(vcpu->machine);
}

/* Moves RIP past an instruction that the monitor has carried out: a debugger sees this RIP. */
static void debugger_fold_advance(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;

	if ((page->request & REQUEST_ADVANCE) == 0)
		return;
	page->rip += page->advance_length;
	page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	page->request &= ~(u32)REQUEST_ADVANCE;
	page->dirty |= VCPU_RIP;
}

void debugger_settled(struct vcpu *vcpu)
{
	bool trapped = vcpu->event.valid && vcpu->event.type == EVENT_EXCEPTION &&
		       vcpu->event.vector == VECTOR_DB;

	if (!debugger_steps(vcpu) || vcpu->machine->debugger.held ||
	    (!trapped && (vcpu->page->request & REQUEST_ADVANCE) == 0))
		return;
	if (trapped)
		vcpu->event.valid = 0; /* the exception was caused by the debugger's TF */
	vcpu->halted = false;
	debugger_fold_advance(vcpu);
	debugger_stop(vcpu, QUERY_STOP_STEP, 0);
}

static struct debugger_software *debugger_find_software(struct debugger *debugger, u64 linear)
{
	for (u32 i = 0; i < DEBUGGER_SOFTWARE_MAX; i++) {
		if (debugger->software[i].used && debugger->software[i].linear == linear)
			return &debugger->software[i];
	}
	return NULL;
}

static u64 debugger_code_address(const struct vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;
	u64 linear = page->segment[SEG_CS].base + page->rip;

	return (page->efer & EFER_LMA) != 0 ? linear : (u32)linear;
}

/* Stops the VM at the breakpoint that `hits` (bits of DR6) names. Returns false without one. */
static bool debugger_take_hardware(struct vcpu *vcpu, u64 hits)
{
	const struct debugger *debugger = &vcpu->machine->debugger;

	for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX; i++) {
		const struct debugger_hardware *hardware = &debugger->hardware[i];

		if ((hits >> i & 1) == 0 || !hardware->used)
			continue;
		debugger_stop(vcpu,
			      hardware->type == 0   ? QUERY_STOP_HARDWARE
			      : hardware->type == 1 ? QUERY_STOP_WRITE
						    : QUERY_STOP_ACCESS,
			      hardware->linear);
		return true;
	}
	return false;
}

/* Handles a #DB exit. SVM has set DR6; VMX only the exit qualification (SDM vol. 3, 28.2.1). */
static bool debugger_take_debug(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u64 hits = vcpu_debug_bits(vcpu);

	if (debugger_steps(vcpu) && (hits & DR6_BS) != 0) {
		page->dr[6] &= ~DR6_BS;
		page->dirty |= VCPU_DEBUG;
		debugger_stop(vcpu, QUERY_STOP_STEP, 0);
		return true;
	}
	if (!debugger_take_hardware(vcpu, hits))
		return false;
	page->dr[6] &= ~DR6_BREAKPOINTS;
	page->dirty |= VCPU_DEBUG;
	return true;
}

bool debugger_exception(struct vcpu *vcpu)
{
	struct debugger *debugger = &vcpu->machine->debugger;
	u32 vector = vcpu->page->exit.vector;

	if (!debugger->attached)
		return false;
	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL | VCPU_DEBUG);
	if (vector == VECTOR_DB)
		return debugger_take_debug(vcpu);
	if (vector != VECTOR_BP ||
	    debugger_find_software(debugger, debugger_code_address(vcpu)) == NULL)
		return false;
	debugger_stop(vcpu, QUERY_STOP_SOFTWARE, debugger_code_address(vcpu));
	return true;
}

void debugger_gather(struct machine *machine)
{
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];

		if (vcpu->page->exit.reason == EXIT_EXCEPTION && !trap_steps(vcpu) &&
		    debugger_exception(vcpu))
			vcpu->page->exit.reason = EXIT_NONE;
	}
}

void debugger_restarted(struct vcpu *vcpu)
{
	if (!debugger_steps(vcpu))
		return;
	vcpu->machine->debugger.had_tf &= ~BIT(vcpu->id);
	debugger_flag_set(vcpu, true);
}

static u8 *debugger_find_byte(struct machine *machine, const struct vcpu *vcpu, u64 linear)
{
	struct walk_result result;

	if (!walk(&machine->memory, vcpu->page, GVA(linear), WALK_PROBE, &result))
		return NULL;
	return guest_memory_pointer(&machine->memory, result.gpa, 1);
}

static enum status debugger_software_insert(struct machine *machine, const struct query *query)
{
	struct debugger *debugger = &machine->debugger;
	u8 *host = debugger_find_byte(machine, &machine->vcpu[query->vcpu], query->address);

	if (host == NULL)
		return STATUS_BAD_ADDRESS;
	if (debugger_find_software(debugger, query->address) != NULL)
		return STATUS_OK;
	for (u32 i = 0; i < DEBUGGER_SOFTWARE_MAX; i++) {
		if (debugger->software[i].used)
			continue;
		debugger->software[i] = (struct debugger_software){
			.used = true, .saved = *host, .host = host, .linear = query->address};
		__atomic_store_n(host, INT3, __ATOMIC_SEQ_CST);
		return STATUS_OK;
	}
	return STATUS_NO_MEMORY;
}

/*
 * Removes a software breakpoint. A vCPU whose exit by this INT3 has not been looked at yet executes
 * the guest's own byte instead. All vCPUs are outside the guest now: any other INT3 that exits
 * later is the guest's own.
 */
static void debugger_software_remove(struct machine *machine, struct debugger_software *software)
{
	/* The guest may have put another instruction in the place of the INT3. */
	if (*software->host == INT3)
		__atomic_store_n(software->host, software->saved, __ATOMIC_SEQ_CST);
	software->used = false;
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];
		struct vcpu_exit *exit = &vcpu->page->exit;

		if (exit->reason != EXIT_EXCEPTION || exit->vector != VECTOR_BP)
			continue;
		vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
		if (debugger_code_address(vcpu) == software->linear)
			exit->reason = EXIT_NONE;
	}
}

/* Sets DR7 of all vCPUs: local enables, R/W and LEN of each breakpoint (SDM vol. 3, 18.2.4). */
static void debugger_hardware_apply(struct machine *machine)
{
	const struct debugger *debugger = &machine->debugger;
	static const u8 lengths[9] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};
	u64 dr7 = DR7_RESET;

	for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX; i++) {
		const struct debugger_hardware *hardware = &debugger->hardware[i];

		if (hardware->used)
			dr7 |= 1ull << (2 * i) |
			       (u64)(hardware->type | lengths[hardware->length] << 2)
				       << (16 + 4 * i);
	}
	for (u32 cpu = 0; cpu < machine->vcpu_count; cpu++) {
		struct vcpu_page *page = machine->vcpu[cpu].page;

		for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX; i++)
			page->dr[i] = debugger->hardware[i].linear;
		page->dr[7] = dr7;
		page->dirty |= VCPU_DEBUG;
	}
}

/* Returns how many bytes one debug register can watch from `linear` on (SDM vol. 3, 18.2.5). */
static u8 debugger_piece_length(u64 linear, u64 left)
{
	u8 length = 8;

	while (length > left || (linear & (length - 1u)) != 0)
		length /= 2;
	return length;
}

/* Sets up debug registers for all pieces of the range, or for none if there are too few of them. */
static enum status debugger_hardware_insert(struct debugger *debugger,
					    const struct debugger_hardware *named)
{
	struct debugger_hardware all[DEBUGGER_HARDWARE_MAX];
	u64 done = 0;

	memcpy(all, debugger->hardware, sizeof(all));
	for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX && done < named->named_length; i++) {
		if (all[i].used)
			continue;
		all[i] = *named;
		all[i].linear += done;
		all[i].length = debugger_piece_length(all[i].linear, named->named_length - done);
		done += all[i].length;
	}
	if (done < named->named_length)
		return STATUS_NO_MEMORY;
	memcpy(debugger->hardware, all, sizeof(all));
	return STATUS_OK;
}

static void debugger_hardware_remove(struct debugger *debugger,
				     const struct debugger_hardware *named)
{
	for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX; i++) {
		struct debugger_hardware *hardware = &debugger->hardware[i];

		if (hardware->type == named->type && hardware->named == named->named &&
		    hardware->named_length == named->named_length)
			hardware->used = false;
	}
}

/* Inserts or removes a hardware breakpoint. Inserting the same breakpoint again has no effect. */
static enum status debugger_hardware_change(struct machine *machine, const struct query *query,
					    bool insert)
{
	struct debugger *debugger = &machine->debugger;
	u8 type = (u8)(query->flags & 3);
	const struct debugger_hardware named = {.used = true,
						.type = type,
						.named_length = type == 0 ? 1 : query->length,
						.linear = query->address,
						.named = query->address};
	enum status status = STATUS_OK;

	if (type == 2 || query->length == 0)
		return STATUS_BAD_ARGUMENT;
	debugger_hardware_remove(debugger, &named);
	if (insert)
		status = debugger_hardware_insert(debugger, &named);
	debugger_hardware_apply(machine);
	return status;
}

static enum status debugger_breakpoint(struct machine *machine, const struct query *query,
				       bool insert)
{
	struct debugger_software *software;

	if ((query->flags & QUERY_BREAK_HARDWARE) != 0)
		return debugger_hardware_change(machine, query, insert);
	if (insert)
		return debugger_software_insert(machine, query);
	software = debugger_find_software(&machine->debugger, query->address);
	if (software != NULL)
		debugger_software_remove(machine, software);
	return STATUS_OK;
}

/* Makes CPUID and hypercalls exit: the kernel would handle them without ending a single step. */
static void debugger_traps_set(struct machine *machine, bool attached)
{
	machine->debugger.attached = attached;
	trap_watch(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];

		trap_apply(vcpu);
		vcpu->quiet = false;
		vcpu_show_cpuid(vcpu);
		vcpu->page->settle = attached ? 0 : SETTLE_HYPERCALL;
	}
}

static void debugger_release(struct machine *machine, u64 run, u64 step)
{
	struct debugger *debugger = &machine->debugger;

	for (u32 i = 0; i < machine->vcpu_count; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];

		debugger_step_ends(vcpu); /* another vCPU stopped the VM before the step was done */
		if ((step >> i & 1) == 0)
			continue;
		debugger->had_tf &= ~BIT(i);
		if ((vcpu->page->rflags & RFLAGS_TF) != 0)
			debugger->had_tf |= BIT(i);
		debugger_fold_advance(vcpu);
		debugger_flag_set(vcpu, true);
		vcpu->page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS); /* see trap_step */
		vcpu->halted = false;
		vcpu->quiet = false;
	}
	debugger->run = run;
	debugger->step = step & run;
	debugger->held = false;
	debugger->news = false;
	machine_let_go(machine);
}

/* Removes all breakpoints that a debugger has set in the guest. */
static void debugger_remove_all(struct machine *machine)
{
	struct debugger *debugger = &machine->debugger;
	bool hardware = false;

	for (u32 i = 0; i < DEBUGGER_SOFTWARE_MAX; i++) {
		if (debugger->software[i].used)
			debugger_software_remove(machine, &debugger->software[i]);
	}
	for (u32 i = 0; i < DEBUGGER_HARDWARE_MAX; i++) {
		hardware |= debugger->hardware[i].used;
		debugger->hardware[i] = (struct debugger_hardware){0};
	}
	if (hardware)
		debugger_hardware_apply(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++)
		debugger_step_ends(&machine->vcpu[i]);
}

/* Attaches a debugger, also after another one that has died. */
static void debugger_attach(struct machine *machine)
{
	struct debugger *debugger = &machine->debugger;

	debugger_remove_all(machine);
	/* the manager tells stops apart by their number: no number is used twice */
	*debugger = (struct debugger){
		.held = true, .run = ~0ull, .stop.sequence = debugger->stop.sequence};
	debugger_traps_set(machine, true);
}

static void debugger_detach(struct machine *machine)
{
	debugger_remove_all(machine);
	debugger_traps_set(machine, false);
	debugger_release(machine, ~0ull, 0);
}

enum status debugger_answer(struct machine *machine, const struct query *query)
{
	if (query->kind < QUERY_ATTACH || query->kind >= QUERY_KIND_COUNT)
		return STATUS_NOT_SUPPORTED;
	if (query->vcpu >= machine->vcpu_count)
		return STATUS_NOT_FOUND;
	if (!machine->debugger.attached && query->kind != QUERY_ATTACH)
		return query->kind == QUERY_DETACH ? STATUS_OK : STATUS_BAD_STATE;
	switch (query->kind) {
	case QUERY_ATTACH:
		debugger_attach(machine);
		return STATUS_OK;
	case QUERY_DETACH:
		debugger_detach(machine);
		return STATUS_OK;
	case QUERY_HOLD:
		if (!machine->debugger.held)
			debugger_stop(&machine->vcpu[query->vcpu], QUERY_STOP_ASKED, 0);
		return STATUS_OK;
	case QUERY_RELEASE:
		debugger_release(machine, query->run, query->step);
		return STATUS_OK;
	case QUERY_BREAK:
		return debugger_breakpoint(machine, query, true);
	case QUERY_UNBREAK:
		return debugger_breakpoint(machine, query, false);
	}
	return STATUS_NOT_SUPPORTED;
}

void debugger_registers_set(struct vcpu *vcpu, const struct vcpu_page *from, u32 groups)
{
	struct vcpu_page *page = vcpu->page;

	debugger_fold_advance(vcpu);
	memcpy(page->gpr, from->gpr, sizeof(page->gpr));
	if ((groups & VCPU_RIP) != 0) {
		page->rip = from->rip;
		page->rflags = from->rflags | RFLAGS_FIXED;
		page->exit.reason = EXIT_NONE; /* RIP has left the instruction of this exit */
		vcpu->halted = false;
	}
	if ((groups & VCPU_SEGMENTS) != 0)
		memcpy(page->segment, from->segment, sizeof(page->segment));
	if ((groups & VCPU_CONTROL) != 0) {
		page->cr0 = from->cr0;
		page->cr2 = from->cr2;
		page->cr3 = from->cr3;
		page->cr4 = from->cr4;
		page->efer = from->efer;
	}
	page->dirty |= groups & (VCPU_RIP | VCPU_SEGMENTS | VCPU_CONTROL);
}

void debugger_read(const struct machine *machine, const u8 *host, u8 *to, u64 length)
{
	const struct debugger *debugger = &machine->debugger;

	memcpy(to, host, length);
	for (u32 i = 0; debugger->attached && i < DEBUGGER_SOFTWARE_MAX; i++) {
		const struct debugger_software *software = &debugger->software[i];

		if (software->used && software->host >= host && software->host < host + length)
			to[software->host - host] = software->saved;
	}
}

void debugger_write(struct machine *machine, u8 *host, const u8 *from, u64 length)
{
	struct debugger *debugger = &machine->debugger;

	memcpy(host, from, length);
	for (u32 i = 0; debugger->attached && i < DEBUGGER_SOFTWARE_MAX; i++) {
		struct debugger_software *software = &debugger->software[i];

		if (!software->used || software->host < host || software->host >= host + length)
			continue;
		software->saved = *software->host;
		*software->host = INT3;
	}
}
