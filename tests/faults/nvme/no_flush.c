/* SPDX-License-Identifier: MIT */
/* An NVMe driver that says of every flush that it is done, and asks the controller for none. */
#include "vmm/driver/disk/nvme/nvme.h"

bool __wrap_nvme_submit(struct nvme *nvme, struct driver_request *request);
bool __real_nvme_submit(struct nvme *nvme, struct driver_request *request);

bool __wrap_nvme_submit(struct nvme *nvme, struct driver_request *request)
{
	if (request->operation != BLOCK_FLUSH)
		return __real_nvme_submit(nvme, request);
	request_finish(request, BLOCK_OK);
	return true;
}
