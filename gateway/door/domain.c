/* SPDX-License-Identifier: MIT */
/*
 * Procedures that show a VM, and the one that changes whether it starts by itself. The table of
 * procedures names them; they ask core for the VM, and write the procedure's results.
 */
#include <string.h>

#include "gateway/base/fields.h"
#include "gateway/door/rpc.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

static void domain_took_info(struct rpc *call, json_t *vm)
{
	uint64_t memory_kib = (uint64_t)vm_number(vm, "memory_bytes") / 1024;
	double cpu_s = json_number_value(json_object_get(vm, "cpu_s"));

	xdr_write_u32(&call->results, vm_state_now(vm));
	xdr_write_u64(&call->results, memory_kib);
	xdr_write_u64(&call->results, memory_kib);
	xdr_write_u32(&call->results, (uint16_t)vm_number(vm, "vcpus"));
	xdr_write_u64(&call->results, cpu_s > 0 ? (uint64_t)(cpu_s * 1e9) : 0);
	rpc_answer(call);
}

void domain_info(struct rpc *call)
{
	rpc_domain(call, domain_took_info);
}

static void domain_took_state(struct rpc *call, json_t *vm)
{
	enum vm_state state = vm_state_now(vm);

	xdr_write_u32(&call->results, state);
	xdr_write_u32(&call->results, state == VM_UNKNOWN ? 0 : vm_reason(vm));
	rpc_answer(call);
}

void domain_state(struct rpc *call)
{
	rpc_domain(call, domain_took_state);
}

static void domain_took_os_type(struct rpc *call, json_t *vm)
{
	(void)vm;
	xdr_write_text(&call->results, "hvm");
	rpc_answer(call);
}

void domain_os_type(struct rpc *call)
{
	rpc_domain(call, domain_took_os_type);
}

static void domain_took_max_memory(struct rpc *call, json_t *vm)
{
	xdr_write_u64(&call->results, (uint64_t)vm_number(vm, "memory_bytes") / 1024);
	rpc_answer(call);
}

void domain_max_memory(struct rpc *call)
{
	rpc_domain(call, domain_took_max_memory);
}

static void domain_took_max_vcpus(struct rpc *call, json_t *vm)
{
	xdr_write_u32(&call->results, (uint16_t)vm_number(vm, "vcpus"));
	rpc_answer(call);
}

void domain_max_vcpus(struct rpc *call)
{
	rpc_domain(call, domain_took_max_vcpus);
}

static void domain_took_xml(struct rpc *call, json_t *vm)
{
	struct buffer text = {0};

	vm_xml(&text, vm);
	rpc_answer_text(call, &text);
}

void domain_xml(struct rpc *call)
{
	rpc_domain(call, domain_took_xml);
}

static void domain_took_is_active(struct rpc *call, json_t *vm)
{
	xdr_write_u32(&call->results, vm_active(vm));
	rpc_answer(call);
}

void domain_is_active(struct rpc *call)
{
	rpc_domain(call, domain_took_is_active);
}

static void domain_took_yes(struct rpc *call, json_t *vm)
{
	(void)vm;
	xdr_write_u32(&call->results, 1);
	rpc_answer(call);
}

static void domain_took_no(struct rpc *call, json_t *vm)
{
	(void)vm;
	xdr_write_u32(&call->results, 0);
	rpc_answer(call);
}

/* Answers that a VM is persistent, as each is: one that stops stays in the list. */
void domain_yes(struct rpc *call)
{
	rpc_domain(call, domain_took_yes);
}

/*
 * Answers 0. No VM has a managed save: Skerry saves a VM on a disk that the client names, whereas
 * libvirt means a save that it finds by itself. No snapshot is the VM's current one, and none has
 * children.
 */
void domain_no(struct rpc *call)
{
	rpc_domain(call, domain_took_no);
}

static void domain_took_control(struct rpc *call, json_t *vm)
{
	(void)vm;
	/* The state of the VM's control is "ok", without details, since 0 ms. */
	xdr_write_u32(&call->results, 0);
	xdr_write_u32(&call->results, 0);
	xdr_write_u64(&call->results, 0);
	rpc_answer(call);
}

void domain_control(struct rpc *call)
{
	rpc_domain(call, domain_took_control);
}

static void domain_took_autostart(struct rpc *call, json_t *vm)
{
	xdr_write_u32(&call->results, vm_autostart(vm));
	rpc_answer(call);
}

void domain_autostart(struct rpc *call)
{
	rpc_domain(call, domain_took_autostart);
}

static void domain_took_set_autostart(struct rpc *call, json_t *vm)
{
	enum field_type type = call->arguments.numbers[0] ? FIELD_TRUE : FIELD_FALSE;
	struct buffer fields = {0};

	(void)vm;
	rpc_body(&fields, "application/merge-patch+json");
	fields_text(&fields, "body.config", "{}");
	fields_add(&fields, type, "body.config.autostart", "", 0);
	rpc_ask_vm(call, "PATCH", &fields, rpc_asked);
	buffer_free(&fields);
}

void domain_set_autostart(struct rpc *call)
{
	rpc_domain(call, domain_took_set_autostart);
}
