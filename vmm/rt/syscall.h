/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/abi/vcpu.h"
#include "vmm/rt/start.h"

/*
 * The system calls as C functions; kernel/abi/syscall.h describes their effects, arguments and
 * values. A value comes back through the last pointer, which is written only on STATUS_OK;
 * sys_thread_reserve's also when the call is refused. Calls that return STATUS_AGAIN are repeated
 * here, except those whose comments say that they make one step. A call that waits for pages which
 * other processes give back is repeated for a second; then it returns STATUS_NO_QUOTA.
 */
enum status syscall(enum syscall number, const u64 argument[6], u64 *value) MUST_CHECK;

/* The registers after one step of a system call. */
struct syscall_result {
	u64 status;
	u64 value;
	u64 rcx, rdx, r11;
};
struct syscall_result syscall_raw(u64 number, const u64 argument[6]);

enum status sys_handle_close(handle_t handle);
enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights,
			     handle_t *theirs) MUST_CHECK;
enum status sys_object_destroy(handle_t handle);
enum status sys_object_bind(handle_t handle, handle_t queue, u64 key) MUST_CHECK;

enum status sys_group_create(handle_t root, u64 quota_pages, u64 weight,
			     handle_t *group) MUST_CHECK;
enum status sys_group_set(handle_t group, enum group_setting setting, u64 value) MUST_CHECK;
enum status sys_group_page(handle_t group, handle_t *memory) MUST_CHECK;

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory) MUST_CHECK;
enum status sys_memory_physical(handle_t root, u64 hpa, u64 bytes, u32 flags,
				handle_t *memory) MUST_CHECK;
enum status sys_memory_address(handle_t root, handle_t memory, u64 offset, u64 *hpa) MUST_CHECK;
/*
 * Makes one step of freezing; STATUS_AGAIN until the memory is frozen. *depth is how many frozen
 * objects are below the memory then.
 */
enum status sys_memory_freeze(handle_t memory, handle_t *frozen, u32 *depth) MUST_CHECK;
enum status sys_memory_layer(handle_t group, handle_t frozen, handle_t *memory) MUST_CHECK;
/*
 * sys_memory_reset and sys_memory_merge make one step; they return STATUS_AGAIN until the reset or
 * the merge is done.
 */
enum status sys_memory_reset(handle_t memory) MUST_CHECK;
enum status sys_memory_merge(handle_t memory) MUST_CHECK;
/*
 * Discards all `count` pages from `first` on, in as many steps as it takes; on an error some may
 * have been discarded.
 */
enum status sys_memory_discard(handle_t memory, u64 first, u64 count) MUST_CHECK;
/*
 * Makes one step of discarding the pages that hold zeros; STATUS_AGAIN until it is made. *done is
 * how many pages from `first` on the step has looked at, *given how many of them it has given back
 * to the host.
 */
enum status sys_memory_trim(handle_t memory, u64 first, u64 count, u64 *done,
			    u64 *given) MUST_CHECK;
enum status sys_space_create(handle_t group, handle_t *space) MUST_CHECK;
enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address) MUST_CHECK;
enum status sys_space_unmap(handle_t space, u64 at, u64 bytes);

enum status sys_space_entry(handle_t space, u64 address, u32 level, u64 *entry) MUST_CHECK;

enum status sys_process_create(handle_t group, handle_t image, u64 first_page,
			       handle_t *process) MUST_CHECK;
enum status sys_process_space(handle_t process, handle_t *space) MUST_CHECK;
enum status sys_process_start(handle_t process, handle_t start_memory) MUST_CHECK;
NORETURN void sys_process_exit(u64 code);
enum status sys_process_status(handle_t process, u64 *code) MUST_CHECK;
enum status sys_thread_create(handle_t process, u64 entry, u64 stack, u64 argument,
			      handle_t *thread) MUST_CHECK;
enum status sys_thread_yield(handle_t vcpu) MUST_CHECK;
enum status sys_thread_reserve(handle_t thread, u64 budget_ns, u64 period_ns,
			       u64 *left_permille) MUST_CHECK;
enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count) MUST_CHECK;

enum status sys_queue_create(handle_t group, handle_t *queue) MUST_CHECK;
enum status sys_queue_wait(handle_t queue, u64 deadline_tsc, u64 *key) MUST_CHECK;
enum status sys_event_create(handle_t group, handle_t *event) MUST_CHECK;
enum status sys_event_signal(handle_t event);
enum status sys_irq_create(handle_t root, u32 gsi, u32 flags, handle_t *irq) MUST_CHECK;
enum status sys_irq_message(handle_t irq, u64 unit, u32 requester, u64 *message) MUST_CHECK;
enum status sys_irq_unmask(handle_t irq);

enum status sys_vm_create(handle_t group, handle_t space, handle_t *vm) MUST_CHECK;
enum status sys_vcpu_create(handle_t vm, handle_t memory, u64 offset, handle_t queue,
			    handle_t *vcpu) MUST_CHECK;
enum status sys_vcpu_run(handle_t vcpu) MUST_CHECK;
enum status sys_vcpu_kick(handle_t vcpu);
enum status sys_vcpu_get(handle_t vcpu, u32 groups) MUST_CHECK;

enum status sys_iommu_create(handle_t root, u64 registers, enum iommu_kind kind, bool remap,
			     u64 *number) MUST_CHECK;
enum status sys_iommu_space(handle_t root, handle_t group, u64 number, handle_t *space) MUST_CHECK;
enum status sys_iommu_attach(handle_t root, u64 number, u32 requester, handle_t space) MUST_CHECK;
enum status sys_space_populate(handle_t space, u64 at, u32 access, u64 *bytes) MUST_CHECK;

enum status sys_log_level(handle_t root, u32 category, u32 level) MUST_CHECK;
enum status sys_machine_reset(handle_t root, u16 port, u8 value);
enum status sys_audit(handle_t root, handle_t memory, u64 what, u64 where, u64 at,
		      u64 *next) MUST_CHECK;

/*
 * Makes one step of a system call between two runs of a guest, with up to two arguments; saves no
 * register that the kernel preserves. *value is written with any status.
 */
static ALWAYS_INLINE enum status syscall_short(enum syscall number, u64 a, u64 b, u64 *value)
{
	u64 rax = number;
	u64 rdi = a;

	if (start_sysenter)
		__asm__ volatile("mov %%rsp, %%rcx; lea 1f(%%rip), %%rdx; sysenter; 1:"
				 : "+a"(rax), "+D"(rdi)
				 : "S"(b)
				 : "rcx", "rdx", "r11", "memory", "cc");
	else
		__asm__ volatile("syscall"
				 : "+a"(rax), "+D"(rdi)
				 : "S"(b)
				 : "rcx", "rdx", "r11", "memory", "cc");
	*value = rdi;
	return (enum status)rax;
}
