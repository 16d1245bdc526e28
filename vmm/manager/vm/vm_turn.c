/* SPDX-License-Identifier: MIT */
/*
 * The rests, without kernel calls for them, that VMs take after turns that were too long
 * (vm_turn.h). The operations that make steps for a VM begin and end their turns here. Writes
 * vm->rest_until_tsc.
 */
#include "vmm/manager/vm/vm_turn.h"
#include "lib/bits.h"
#include "vmm/manager/vm/vm.h"

/*
 * A turn of at least this length is long; after shorter ones other work has its turn soon enough.
 */
#define LONG_NS (2 * VM_TURN_NS)

/*
 * The TSC at which all long turns so far, and rests of the same length, would end if they came one
 * behind the other.
 */
static u64 all_rested_tsc;

struct vm_turn vm_turn_begin(const struct vm *vm)
{
	return (struct vm_turn){clock_tsc(), vm->rest_until_tsc == 0 ? VM_TURN_STEPS : 0};
}

u64 vm_turn_end(struct vm *vm, const struct vm_turn *turn)
{
	u64 now = clock_tsc();
	u64 took = now - turn->began_tsc;

	if (took < clock_ns_to_tsc(LONG_NS))
		return 0;
	all_rested_tsc = MAX(all_rested_tsc, turn->began_tsc) + 2 * took;
	vm->rest_until_tsc = all_rested_tsc;
	return all_rested_tsc - now;
}

void vm_turn_look(struct vm *vm, u64 now_tsc)
{
	if (now_tsc >= vm->rest_until_tsc)
		vm->rest_until_tsc = 0;
}

u64 vm_turn_deadline(const struct vm *vm)
{
	return vm->rest_until_tsc != 0 ? vm->rest_until_tsc : ~0ull;
}
