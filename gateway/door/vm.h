/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/door/uuid.h"

/* libvirt's numbers of a VM's states; VM_UNKNOWN: "no state", the link to Skerry is lost. */
enum vm_state { VM_UNKNOWN = 0, VM_RUNNING = 1, VM_PAUSED = 3, VM_SHUTOFF = 5, VM_CRASHED = 6 };

/* Returns the state that a VM had when core heard of it last. */
enum vm_state vm_state(json_t *vm);
/* Returns the state of a VM that core was asked for alone, or VM_UNKNOWN. */
enum vm_state vm_state_now(json_t *vm);
/* Returns the number by which libvirt says why the VM is in its state; 0: the reason is unknown. */
uint32_t vm_reason(json_t *vm);
bool vm_active(json_t *vm);
const char *vm_name(json_t *vm);
void vm_uuid(json_t *vm, uint8_t uuid[UUID_BYTES]);
/*
 * Returns the VM's number while it runs, which is a new one after each start; -1: it does not run.
 */
int32_t vm_id(json_t *vm);
/*
 * Returns the number that vm_id() last returned for the VM with this UUID; -1: none yet, or the VM
 * did not run.
 */
int32_t vm_known_id(const uint8_t uuid[UUID_BYTES]);
int64_t vm_number(json_t *vm, const char *key);
/* Returns the value of a key of the VM's configuration as text, or "" when it has none. */
const char *vm_key(json_t *vm, const char *key);
bool vm_autostart(json_t *vm);
/*
 * Returns whether the VM has a disk to which XML refers by this name: as its target or its source.
 */
bool vm_has_disk(json_t *vm, const char *name);
/* Writes the VM (name, UUID, number) in XDR, as procedures take and return it. */
void vm_write(struct buffer *results, json_t *vm);
/* Adds the VM's description in XML. */
void vm_xml(struct buffer *text, json_t *vm);
