/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A process's name for an object: the index in its handle table in bits 15:0, the entry's
 * generation above.
 */
typedef u32 handle_t;

#define HANDLE_NONE 0u

enum object_type {
	OBJECT_NONE,
	OBJECT_ROOT,   /* the host itself, with the operator's rights */
	OBJECT_GROUP,  /* the unit of account: quota and share of the CPU; one per VM */
	OBJECT_MEMORY, /* an array of pages that spaces map */
	OBJECT_SPACE,  /* a set of mappings: a process's address space or a second-stage table */
	OBJECT_PROCESS,
	OBJECT_THREAD,
	OBJECT_QUEUE, /* a list of raised signals: the only type that a thread can wait on */
	OBJECT_EVENT,
	OBJECT_IRQ, /* a host interrupt: a line or a message */
	OBJECT_VM,
	OBJECT_VCPU,
	OBJECT_TYPE_COUNT
};

/* The rights of a handle's holder; a copy never has more rights than its original. */
enum right {
	RIGHT_READ = 1 << 0, /* map the memory for reading; read the object's state */
	/* map the memory for writing; change the object's state; signal an event */
	RIGHT_WRITE = 1 << 1,
	RIGHT_EXECUTE = 1 << 2, /* map the memory for execution */
	/*
	 * of a space: the holder may map into it and unmap from it; of memory: give up what was
	 * written to it since it was frozen
	 */
	RIGHT_MAP = 1 << 3,
	/* bind the object to a queue; of a queue: bind objects to it and wait on it */
	RIGHT_BIND = 1 << 4,
	RIGHT_CREATE = 1 << 5,	/* group: create objects that are charged to it */
	RIGHT_CONTROL = 1 << 6, /* start, set, run or freeze the object, as its type allows */
	RIGHT_DESTROY = 1 << 7,
	/*
	 * the holder may give a copy of the handle to another process; of a process: the process
	 * may receive one
	 */
	RIGHT_GRANT = 1 << 8,
	RIGHT_ALL = (1 << 9) - 1
};
