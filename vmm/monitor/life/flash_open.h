/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/save/save_disk.h"

struct machine;

/* The memory in which firmware keeps its variables, and the disk that has them, if there is one. */
struct flash_memory {
	struct flash_config config;
	struct machine *machine;
	handle_t rom; /* the memory object that begins with the content */
	bool shown;   /* the content is mapped for the guest */
	bool has_disk;
	bool failed; /* the disk did not take the last change */
	handle_t queue;
	struct save_disk disk;
	struct disk_client client;
};

/* Returns whether the VM's disk of this number has its firmware's variables. */
bool flash_is_disk(u64 number);
/*
 * Finds out how many bytes of variables the machine's firmware has, and where: in `job->kept` at
 * the beginning of its file, else before it. Returns 0 if it has none, or keeps them nowhere.
 */
u64 flash_find(struct machine *machine);
/*
 * Gives the machine these variables, in the first `bytes` of the memory object `rom`, before the
 * ROM: its disk's, or those with which the file begins. Returns false if the machine has crashed.
 */
bool flash_open(struct machine *machine, handle_t rom, u64 bytes);
/* Listens to the disk's signals again, after another process has. */
enum status flash_bind(struct machine *machine) MUST_CHECK;
