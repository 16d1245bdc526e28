/* SPDX-License-Identifier: MIT */
/*
 * All of door but its main function, as one piece, beside a core that answers each request at once:
 * what a test or a fuzz target of libvirt's RPC includes.
 */
#pragma once

#include "gateway/base/buffer.c"
#include "gateway/base/fields.c"
#include "gateway/door/action.c"
#include "gateway/door/connect.c"
#include "gateway/door/define.c"
#include "gateway/door/definition.c"
#include "gateway/door/definition_known.c"
#include "gateway/door/domain.c"
#include "gateway/door/error.c"
#include "gateway/door/list.c"
#include "gateway/door/listener.c"
#include "gateway/door/node.c"
#include "gateway/door/packet.c"
#include "gateway/door/pool.c"
#include "gateway/door/procedure.c"
#include "gateway/door/procedure_name.c"
#include "gateway/door/rpc.c"
#include "gateway/door/save.c"
#include "gateway/door/size.c"
#include "gateway/door/snapshot.c"
#include "gateway/door/stats.c"
#include "gateway/door/terminal.c"
#include "gateway/door/thing.c"
#include "gateway/door/uuid.c"
#include "gateway/door/vm.c"
#include "gateway/door/vm_xml.c"
#include "gateway/door/volume.c"
#include "gateway/door/xdr.c"
#include "gateway/door/xml.c"
#include "gateway/door/xml_reader.c"
#include "gateway/door/client.c"
