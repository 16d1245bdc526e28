/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The functions that each operation on a VM provides (struct vm_operation_ops), and those that act
 * on all operations of a VM.
 */
#include "vmm/manager/vm/vm_operation_types.h"

struct process_build;
struct vm;

/* The functions of an operation; those that it does not need are NULL. */
struct vm_operation_ops {
	const char *name;
	u32 busy; /* a bit for each phase in which no command may begin */
	/*
	 * Begins the operation as `wish` says, whose type is the operation's own. Returns false,
	 * with the reason in `problem`, if that is not possible.
	 */
	bool (*begin)(struct vm *vm, const void *wish, char *problem, size_t size);
	/*
	 * Does one bounded step of the operation, in each turn and in each phase. Returns whether
	 * another step is due at once.
	 */
	bool (*step)(struct vm *vm, u64 now_tsc);
	/*
	 * Returns the TSC at which the operation's next step is due at the latest; if the pointer
	 * is NULL, that is the phase's time limit.
	 */
	u64 (*deadline)(const struct vm *vm);
	/* Abandons the operation under way, if any, as the VM ends. */
	void (*abandon)(struct vm *vm);
	/*
	 * Is called when the guest has crashed or could not be booted. Returns true if the
	 * operation has itself dealt with that.
	 */
	bool (*crashed)(struct vm *vm, const char *reason);
	/*
	 * Begins to bring a crashed VM back to a saved state. Returns false, with the reason in
	 * `problem`, if that is not possible.
	 */
	bool (*go_back)(struct vm *vm, char *problem, size_t size);
	/* Adds the things that a new monitor needs for this operation. */
	void (*furnish)(struct vm *vm, struct process_build *build, bool heir);
	/*
	 * Called when a renewal has ended; `problem` says why it failed, or is "". Returns true if
	 * the operation continues with the guest, which stays held.
	 */
	bool (*renewed)(struct vm *vm, const char *problem);
	/* Detaches drivers while a VM ends; returns false while one still uses the VM's memory. */
	bool (*detach)(struct vm *vm);
	/* Closes resources that the operation has left open, once the VM's processes have ended. */
	void (*ended)(struct vm *vm);
	/*
	 * once a VM has made a step of this operation and needs another one, no further VM makes
	 * one in this turn
	 */
	bool one_vm;
};

/* Begins an operation. Returns false, with the reason in `problem`, if that is not possible. */
bool vm_operation_begin(struct vm *vm, enum vm_operation_kind kind, const void *wish, char *problem,
			size_t size);
/* Abandons an operation, if it is under way, because its VM has ended. */
void vm_operation_abandon(struct vm *vm, enum vm_operation_kind kind);
/* Puts the operation into a phase that may take `ns` nanoseconds. */
void vm_operation_enter(struct vm_operation *operation, u32 phase, u64 ns);

/*
 * Does a step of each operation of the VM; returns whether another is due at once. `taken` has a
 * bit for each kind of operation (`one_vm`) whose turn an earlier VM has taken.
 */
bool vm_operations_step(struct vm *vm, u64 now_tsc, u32 *taken);
/*
 * Returns the TSC at which the next step of the VM's operations is due at the latest; ~0: there is
 * none.
 */
u64 vm_operations_deadline(const struct vm *vm);
/* Returns whether an operation is under way during which no command to the VM may begin. */
bool vm_operations_busy(const struct vm *vm);
/* Abandons all operations as the VM ends. */
void vm_operations_abandon(struct vm *vm);
/*
 * The next functions each call the function of that name in vm_operation_ops of all operations that
 * have one.
 */
bool vm_operations_go_back(struct vm *vm, char *problem, size_t size);
void vm_operations_furnish(struct vm *vm, struct process_build *build, bool heir);
bool vm_operations_renewed(struct vm *vm, const char *problem);
bool vm_operations_detach(struct vm *vm);
void vm_operations_ended(struct vm *vm);
/* Returns whether an operation has dealt with the crash or the failed boot. */
bool vm_operations_crashed(struct vm *vm, const char *reason);
