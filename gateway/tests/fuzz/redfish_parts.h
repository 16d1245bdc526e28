/* SPDX-License-Identifier: MIT */
/* All of web's folder redfish/ as one piece: what a test or a fuzz target of it includes. */
#pragma once

#include "gateway/base/buffer.c"
#include "gateway/base/fields.c"
#include "gateway/web/redfish/account.c"
#include "gateway/web/redfish/answer.c"
#include "gateway/web/redfish/boot.c"
#include "gateway/web/redfish/error.c"
#include "gateway/web/redfish/manager.c"
#include "gateway/web/redfish/media.c"
#include "gateway/web/redfish/power.c"
#include "gateway/web/redfish/redfish.c"
#include "gateway/web/redfish/resource.c"
#include "gateway/web/redfish/service.c"
#include "gateway/web/redfish/session.c"
#include "gateway/web/redfish/system.c"
#include "gateway/web/redfish/task.c"
#include "gateway/web/redfish/vm.c"
