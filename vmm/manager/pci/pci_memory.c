/* SPDX-License-Identifier: MIT */
/*
 * Maps a device's registers into the manager. Called by iommu_log.c, controller_ahci.c and other
 * files of this folder. Holds no state beyond the given mapping.
 */
#include "vmm/manager/pci/pci_memory.h"
#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

bool pci_memory_open(u64 hpa, u64 bytes, struct pci_memory *memory)
{
	u64 first = align_down(hpa, PAGE_SIZE);
	enum status status;
	handle_t handle;

	if (bytes > ~0ull - hpa - PAGE_SIZE)
		return false;
	memory->bytes = align_up(hpa + bytes, PAGE_SIZE) - first;
	if (sys_memory_physical(start_handle(START_ROOT), first, memory->bytes, MEMORY_UNCACHED,
				&handle) != STATUS_OK)
		return false;
	status = sys_space_map(start_handle(START_SPACE), 0, handle, 0, memory->bytes,
			       RIGHT_READ | RIGHT_WRITE, &memory->page);
	sys_handle_close(handle);
	memory->at = (volatile void *)(memory->page + (hpa - first));
	return status == STATUS_OK;
}

void pci_memory_close(struct pci_memory *memory)
{
	sys_space_unmap(start_handle(START_SPACE), memory->page, memory->bytes);
}
