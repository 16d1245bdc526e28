/* SPDX-License-Identifier: MIT */
/* Second-stage faults: RAM is put in, all else is the monitor's. */
#include "kernel/vcpu.h"
#include "kernel/log.h"
#include "kernel/vm.h"
#include "lib/read_once.h"
#include "mm/space.h"

/* Without a look: mappings that come and go are counted. */
static bool is_nowhere(const struct vcpu *vcpu, const struct space *space)
{
	return vcpu->nowhere == (vcpu->virt.exit.gpa | PAGE_MASK) &&
	       vcpu->nowhere_generation == READ_ONCE(space->generation) &&
	       vcpu->nowhere_mappings == READ_ONCE(space->mapping_count);
}

bool vcpu_settle_memory(struct vcpu *vcpu)
{
	struct vcpu_exit *exit = &vcpu->virt.exit;
	struct space *space = vcpu->vm->space;
	enum status status;

	if (is_nowhere(vcpu, space))
		return false;
	vcpu->nowhere = 0;
	vcpu->nowhere_generation = READ_ONCE(space->generation);
	vcpu->nowhere_mappings = READ_ONCE(space->mapping_count);
	status = space_fault(space, exit->gpa & ~PAGE_MASK,
			     exit->access & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE));
	if (status == STATUS_OK)
		log_debug(LOG_MEMORY, "RAM put in at %#lx", exit->gpa);
	if (status == STATUS_NOT_FOUND)
		vcpu->nowhere = exit->gpa | PAGE_MASK;
	if (status == STATUS_NO_MEMORY || status == STATUS_NO_QUOTA)
		exit->reason = EXIT_NO_MEMORY;
	return status == STATUS_OK || status == STATUS_AGAIN;
}
