/* SPDX-License-Identifier: MIT */
/*
 * Calls the kernel: registers, method of entry, and repetition of calls that have made only a step.
 * Called by every ring-3 file through syscall.h; may block about a second where pages are scarce.
 */
#include "vmm/rt/syscall.h"
#include "vmm/rt/clock.h"

/* how long a call waits for pages that other processes give back, usually within milliseconds */
#define WAIT_NS NS_PER_S

static inline struct syscall_result syscall_enter(u64 number, const u64 argument[6])
{
	u64 rax = number;
	u64 rdi = argument[0];
	u64 rsi = argument[1];
	u64 rbx = argument[5];
	register u64 r8 __asm__("r8") = argument[2];
	register u64 r9 __asm__("r9") = argument[3];
	register u64 r10 __asm__("r10") = argument[4];
	register u64 r11 __asm__("r11") = 0;
	u64 rcx;
	u64 rdx;

	if (start_sysenter)
		__asm__ volatile("mov %%rsp, %%rcx; lea 1f(%%rip), %%rdx; sysenter; 1:"
				 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+r"(r8), "+r"(r9), "+r"(r10),
				   "+b"(rbx), "=&c"(rcx), "=&d"(rdx), "+r"(r11)
				 :
				 : "memory", "cc");
	else
		__asm__ volatile("syscall"
				 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+r"(r8), "+r"(r9), "+r"(r10),
				   "+b"(rbx), "=&c"(rcx), "=&d"(rdx), "+r"(r11)
				 :
				 : "memory", "cc");
	return (struct syscall_result){rax, rdi, rcx, rdx, r11};
}

struct syscall_result syscall_raw(u64 number, const u64 argument[6])
{
	return syscall_enter(number, argument);
}

enum status syscall(enum syscall number, const u64 argument[6], u64 *value)
{
	const struct syscall_result result = syscall_enter(number, argument);

	if (value != NULL && (result.status == STATUS_OK || number == SYS_THREAD_RESERVE))
		*value = result.value;
	return (enum status)result.status;
}

/*
 * Returns true for calls that are not repeated here: the caller makes the steps, because it has
 * other things to do in between.
 */
static bool syscall_is_stepped(enum syscall number)
{
	return number == SYS_OBJECT_DESTROY || number == SYS_MEMORY_FREEZE ||
	       number == SYS_MEMORY_RESET || number == SYS_MEMORY_MERGE;
}

/*
 * Returns true for calls of which each repetition after STATUS_AGAIN does a step; other calls get
 * STATUS_AGAIN until other processes give back pages.
 */
static bool syscall_goes_on(enum syscall number)
{
	return number == SYS_SPACE_UNMAP || number == SYS_SPACE_POPULATE ||
	       number == SYS_MEMORY_DISCARD;
}

/*
 * Makes a call. A call that has only made a step is repeated. A call that waits for pages is
 * repeated for WAIT_NS and then refused, because in a group whose processes take and give back
 * pages all the time, enough pages may never be free at once.
 */
static enum status syscall_call(enum syscall number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f,
				u64 *value)
{
	enum status status = syscall(number, (const u64[]){a, b, c, d, e, f}, value);
	u64 end_tsc;

	if (likely(status != STATUS_AGAIN) || syscall_is_stepped(number))
		return status;
	end_tsc = clock_tsc() + clock_ns_to_tsc(WAIT_NS);
	while (status == STATUS_AGAIN && (syscall_goes_on(number) || clock_tsc() < end_tsc))
		status = syscall(number, (const u64[]){a, b, c, d, e, f}, value);
	return status == STATUS_AGAIN ? STATUS_NO_QUOTA : status;
}

static inline enum status syscall_short_call(enum syscall number, u64 a, u64 b, u64 *value)
{
	enum status status;
	u64 result;

	do
		status = syscall_short(number, a, b, &result);
	while (status == STATUS_AGAIN);
	if (status == STATUS_OK && value != NULL)
		*value = result;
	return status;
}

static enum status syscall_call_for_handle(enum syscall number, u64 a, u64 b, u64 c, u64 d,
					   handle_t *handle)
{
	u64 value = 0;
	enum status status = syscall_call(number, a, b, c, d, 0, 0, &value);

	if (status == STATUS_OK)
		*handle = (handle_t)value;
	return status;
}

enum status sys_handle_close(handle_t handle)
{
	return syscall_call(SYS_HANDLE_CLOSE, handle, 0, 0, 0, 0, 0, NULL);
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	return syscall_call_for_handle(SYS_HANDLE_GRANT, process, handle, rights, 0, theirs);
}

enum status sys_object_destroy(handle_t handle)
{
	return syscall_call(SYS_OBJECT_DESTROY, handle, 0, 0, 0, 0, 0, NULL);
}

enum status sys_object_bind(handle_t handle, handle_t queue, u64 key)
{
	return syscall_call(SYS_OBJECT_BIND, handle, queue, key, 0, 0, 0, NULL);
}

enum status sys_group_create(handle_t root, u64 quota_pages, u64 weight, handle_t *group)
{
	return syscall_call_for_handle(SYS_GROUP_CREATE, root, quota_pages, weight, 0, group);
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	return syscall_call(SYS_GROUP_SET, group, setting, value, 0, 0, 0, NULL);
}

enum status sys_group_page(handle_t group, handle_t *memory)
{
	return syscall_call_for_handle(SYS_GROUP_PAGE, group, 0, 0, 0, memory);
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	return syscall_call_for_handle(SYS_MEMORY_CREATE, group, bytes, flags, 0, memory);
}

enum status sys_memory_physical(handle_t root, u64 hpa, u64 bytes, u32 flags, handle_t *memory)
{
	return syscall_call_for_handle(SYS_MEMORY_PHYSICAL, root, hpa, bytes, flags, memory);
}

enum status sys_memory_address(handle_t root, handle_t memory, u64 offset, u64 *hpa)
{
	return syscall_call(SYS_MEMORY_ADDRESS, root, memory, offset, 0, 0, 0, hpa);
}

enum status sys_memory_freeze(handle_t memory, handle_t *frozen, u32 *depth)
{
	u64 value = 0;
	enum status status = syscall_call(SYS_MEMORY_FREEZE, memory, 0, 0, 0, 0, 0, &value);

	if (status == STATUS_OK) {
		*frozen = (handle_t)value;
		*depth = (u32)(value >> 32);
	}
	return status;
}

enum status sys_memory_layer(handle_t group, handle_t frozen, handle_t *memory)
{
	return syscall_call_for_handle(SYS_MEMORY_LAYER, group, frozen, 0, 0, memory);
}

enum status sys_memory_reset(handle_t memory)
{
	return syscall_call(SYS_MEMORY_RESET, memory, 0, 0, 0, 0, 0, NULL);
}

enum status sys_memory_merge(handle_t memory)
{
	return syscall_call(SYS_MEMORY_MERGE, memory, 0, 0, 0, 0, 0, NULL);
}

enum status sys_memory_discard(handle_t memory, u64 first, u64 count)
{
	enum status status = STATUS_OK;
	u64 done = 0;

	for (; status == STATUS_OK && count > 0; first += done, count -= MIN(done, count))
		status = syscall_call(SYS_MEMORY_DISCARD, memory, first, count, 0, 0, 0, &done);
	return status;
}

enum status sys_memory_trim(handle_t memory, u64 first, u64 count, u64 *done, u64 *given)
{
	u64 value = 0;
	const u64 argument[6] = {memory, first, count, DISCARD_ZEROS};
	enum status status = syscall(SYS_MEMORY_DISCARD, argument, &value);

	*done = (u32)value;
	*given = value >> 32;
	return status;
}

enum status sys_space_create(handle_t group, handle_t *space)
{
	return syscall_call_for_handle(SYS_SPACE_CREATE, group, 0, 0, 0, space);
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	return syscall_call(SYS_SPACE_MAP, space, at, memory, offset, bytes, rights, address);
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	return syscall_call(SYS_SPACE_UNMAP, space, at, bytes, 0, 0, 0, NULL);
}

enum status sys_space_entry(handle_t space, u64 address, u32 level, u64 *entry)
{
	return syscall_call(SYS_SPACE_ENTRY, space, address, level, 0, 0, 0, entry);
}

enum status sys_process_create(handle_t group, handle_t image, u64 first_page, handle_t *process)
{
	return syscall_call_for_handle(SYS_PROCESS_CREATE, group, image, first_page, 0, process);
}

enum status sys_process_space(handle_t process, handle_t *space)
{
	return syscall_call_for_handle(SYS_PROCESS_SPACE, process, 0, 0, 0, space);
}

enum status sys_process_start(handle_t process, handle_t start_memory)
{
	return syscall_call(SYS_PROCESS_START, process, start_memory, 0, 0, 0, 0, NULL);
}

enum status sys_process_status(handle_t process, u64 *code)
{
	return syscall_call(SYS_PROCESS_STATUS, process, 0, 0, 0, 0, 0, code);
}

void sys_process_exit(u64 code)
{
	for (;;)
		(void)syscall_call(SYS_PROCESS_EXIT, code, 0, 0, 0, 0, 0, NULL);
}

enum status sys_thread_create(handle_t process, u64 entry, u64 stack, u64 argument,
			      handle_t *thread)
{
	return syscall_call_for_handle(SYS_THREAD_CREATE, process, entry, stack, argument, thread);
}

enum status sys_thread_yield(handle_t vcpu)
{
	return syscall_short_call(SYS_THREAD_YIELD, vcpu, 0, NULL);
}

enum status sys_thread_reserve(handle_t thread, u64 budget_ns, u64 period_ns, u64 *left_permille)
{
	return syscall_call(SYS_THREAD_RESERVE, thread, budget_ns, period_ns, 0, 0, 0,
			    left_permille);
}

enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count)
{
	return syscall_call(SYS_PORTS_GRANT, root, process, first, count, 0, 0, NULL);
}

enum status sys_queue_create(handle_t group, handle_t *queue)
{
	return syscall_call_for_handle(SYS_QUEUE_CREATE, group, 0, 0, 0, queue);
}

enum status sys_queue_wait(handle_t queue, u64 deadline_tsc, u64 *key)
{
	return syscall_short_call(SYS_QUEUE_WAIT, queue, deadline_tsc, key);
}

enum status sys_event_create(handle_t group, handle_t *event)
{
	return syscall_call_for_handle(SYS_EVENT_CREATE, group, 0, 0, 0, event);
}

enum status sys_event_signal(handle_t event)
{
	return syscall_short_call(SYS_EVENT_SIGNAL, event, 0, NULL);
}

enum status sys_irq_create(handle_t root, u32 gsi, u32 flags, handle_t *irq)
{
	return syscall_call_for_handle(SYS_IRQ_CREATE, root, gsi, flags, 0, irq);
}

enum status sys_irq_message(handle_t irq, u64 unit, u32 requester, u64 *message)
{
	return syscall_call(SYS_IRQ_MESSAGE, irq, unit, requester, 0, 0, 0, message);
}

enum status sys_irq_unmask(handle_t irq)
{
	return syscall_call(SYS_IRQ_UNMASK, irq, 0, 0, 0, 0, 0, NULL);
}

enum status sys_vm_create(handle_t group, handle_t space, handle_t *vm)
{
	return syscall_call_for_handle(SYS_VM_CREATE, group, space, 0, 0, vm);
}

enum status sys_vcpu_create(handle_t vm, handle_t memory, u64 offset, handle_t queue,
			    handle_t *vcpu)
{
	return syscall_call_for_handle(SYS_VCPU_CREATE, vm, memory, offset, queue, vcpu);
}

enum status sys_vcpu_run(handle_t vcpu)
{
	return syscall_short_call(SYS_VCPU_RUN, vcpu, 0, NULL);
}

enum status sys_vcpu_kick(handle_t vcpu)
{
	return syscall_short_call(SYS_VCPU_KICK, vcpu, 0, NULL);
}

enum status sys_vcpu_get(handle_t vcpu, u32 groups)
{
	return syscall_short_call(SYS_VCPU_GET, vcpu, groups, NULL);
}

enum status sys_log_level(handle_t root, u32 category, u32 level)
{
	return syscall_call(SYS_LOG_LEVEL, root, category, level, 0, 0, 0, NULL);
}

enum status sys_machine_reset(handle_t root, u16 port, u8 value)
{
	return syscall_call(SYS_MACHINE_RESET, root, port, value, 0, 0, 0, NULL);
}

enum status sys_audit(handle_t root, handle_t memory, u64 what, u64 where, u64 at, u64 *next)
{
	return syscall_call(SYS_AUDIT, root, memory, what, where, at, 0, next);
}

enum status sys_iommu_create(handle_t root, u64 registers, enum iommu_kind kind, bool remap,
			     u64 *number)
{
	return syscall_call(SYS_IOMMU_CREATE, root, registers, kind, remap, 0, 0, number);
}

enum status sys_iommu_space(handle_t root, handle_t group, u64 number, handle_t *space)
{
	return syscall_call_for_handle(SYS_IOMMU_SPACE, root, group, number, 0, space);
}

enum status sys_iommu_attach(handle_t root, u64 number, u32 requester, handle_t space)
{
	return syscall_call(SYS_IOMMU_ATTACH, root, number, requester, space, 0, 0, NULL);
}

enum status sys_space_populate(handle_t space, u64 at, u32 access, u64 *bytes)
{
	return syscall_call(SYS_SPACE_POPULATE, space, at, access, 0, 0, 0, bytes);
}
