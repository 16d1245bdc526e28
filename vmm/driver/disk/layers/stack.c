/* SPDX-License-Identifier: MIT */
/*
 * Chooses the layers of a client's disk. Called by client.c when a client comes; the one place that
 * knows all layers and their order.
 */
#include "vmm/driver/disk/layers/stack.h"

#include "vmm/driver/disk/layers/changes.h"
#include "vmm/driver/disk/layers/store/store_layer.h"
#include "vmm/driver/disk/layers/undo.h"
#include "vmm/driver/disk/layers/view.h"

static const struct layer *const disk_stack[] = {&undo_layer, &changes_layer, NULL};
static const struct layer *const view_stack[] = {&view_layer, &changes_layer, NULL};

static const struct layer *const volume_stack[] = {&changes_of_volume_layer, &store_layer, NULL};

const struct layer *const *stack_of(const struct disk_client_part *part)
{
	if (part->store.volume != 0)
		return volume_stack;
	return part->view.number != 0 ? view_stack : disk_stack;
}
